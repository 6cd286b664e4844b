//! Prices a lattice of options by the formulas alone and prints each result's bits, with its text to
//! eight decimals. `determinism.rs` beside this folder compiles it with the formulas' own files.

mod european;
mod implied;
mod tree;

use european::Point;

fn main() {
    let mut place = 0;
    for (model, sign) in [("bsm", 1.0), ("bsm", -1.0), ("black76", -1.0), ("crr", 1.0), ("crr", -1.0)] {
        for strike in [37.7, 88.0, 100.0, 100.3, 131.9, 400.0] {
            for (years, rate, carry) in [(0.001, 0.3, 0.0), (0.27, 0.05, 0.081), (3.3, -0.02, 0.01)] {
                for (given, number) in [("vol", 0.013), ("vol", 0.37), ("vol", 2.9), ("price", 21.7)] {
                    let carry = if model == "black76" { rate } else { carry };
                    let point = Point { sign, underlier: 100.0, strike, years, rate, carry, vol: number };
                    price(place, model == "crr", given == "price", &point);
                    place += 1;
                }
            }
        }
    }
}

fn price(place: usize, by_tree: bool, inverted: bool, point: &Point) {
    let value = |vol: f64| {
        let at = Point { vol, ..*point };
        if by_tree { tree::value(&at, 200, true) } else { european::value(&at) }
    };
    let vol = if inverted { implied::least_vol(point.vol, value) } else { Some(point.vol) };
    let Some(vol) = vol else { return println!("{place} none") };
    let european::Greeks { delta, gamma, vega, theta, rho } = european::greeks(&Point { vol, ..*point });
    let numbers = [value(vol), vol, delta, gamma, vega, theta, rho];
    let bits: Vec<String> = numbers.iter().map(|number| format!("{:016x}", number.to_bits())).collect();
    println!("{place} {:.8} {}", numbers[0], bits.join(" "));
}
