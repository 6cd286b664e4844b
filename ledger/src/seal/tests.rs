use super::*;
use proptest::prelude::*;

fn leaf(account: &str, book: &str, units: u128, salt: u8) -> Leaf {
    Leaf::new(account, book, units, [salt; 16]).unwrap()
}

fn tree(count: u64, seed: u64) -> SumTree {
    let leaves = (0..count).map(|n| leaf(&format!("a{n}"), "posted", u128::from(n * seed), 7)).collect();
    SumTree::over(leaves).unwrap()
}

fn line(tree: &SumTree) -> TreeLine {
    tree.line("CUST-1", "uncleared", "BTC").unwrap()
}

#[test]
fn worked_example_of_the_specification() {
    let leaves = vec![
        leaf("alpha", "posted", 150_000_000, 1),
        leaf("beta", "posted", 25_000_000, 2),
        leaf("gamma", "available", 0, 3),
    ];
    let tree = SumTree::over(leaves).unwrap();
    let text =
        "CUST-1 uncleared BTC 3 175000000 6648aab729881b859a3d15085a9085545a7196ab4b95b73230be59f7c4aeaae4";
    assert_eq!(line(&tree).to_string(), text);
    assert_eq!(TreeLine::parse(text), Ok(line(&tree)));
    let order: Vec<_> = tree.leaves().iter().map(Leaf::account).collect();
    assert_eq!(order, ["beta", "alpha", "gamma"]);
}

/// Against the HMAC of another library.
#[test]
fn salts_are_hmac() {
    for (fill, account, want) in [
        (0x00, "", "b613679a0814d9ec772f95d778c35fc5"),
        (0x0b, "acme.btc", "c1bfea0d9b45b6fedfb40691b9c41e29"),
    ] {
        assert_eq!(HEXLOWER.encode(&salt(&[fill; 32], account)), want);
    }
}

#[test]
fn a_list_has_one_spelling_and_one_order() {
    let line = |custodian: &str| tree(3, 5).line(custodian, "uncleared", "BTC").unwrap();
    let list = SealList::new(vec![line("b"), line("a")]).unwrap();
    let text = list.to_string();
    assert_eq!(SealList::read(text.as_bytes()), Ok(list.clone()));
    assert_eq!(list.trees(), 2);
    assert_eq!(SealList::new(vec![line("a"), line("a")]), Err(SealError::DuplicateId));
    let swapped: Vec<&str> = text.lines().rev().collect();
    for bad in [
        text.trim_end().to_owned(),
        text.replace('\n', "\r\n"),
        format!("{text}\n"),
        format!("{}\n", swapped.join("\n")),
        text.replace("b unc", "a unc"),
        text.replace(" 3 ", " 03 "),
    ] {
        assert!(SealList::read(bad.as_bytes()).is_err(), "{bad}");
    }
    let empty = SealList::read(b"").unwrap();
    assert_eq!((empty.trees(), empty.root()), (0, Digest::of(b"")));
}

#[test]
fn shape_is_that_of_rfc_6962() {
    fn root(nodes: &[SumNode]) -> SumNode {
        if let [only] = nodes {
            return *only;
        }
        let half = nodes.len().next_power_of_two() / 2;
        SumNode::over(root(&nodes[..half]), root(&nodes[half..])).unwrap()
    }
    for count in 1..=130 {
        let tree = tree(count, 3);
        assert_eq!(tree.root(), root(&tree.levels[0]), "{count}");
    }
}

#[test]
fn every_leaf_of_1_to_130_verifies_and_at_no_other_place() {
    for count in 1..=130 {
        let tree = tree(count, 11);
        let line = line(&tree);
        for leaf in tree.leaves() {
            let proof = tree.prove(leaf.account(), leaf.book()).unwrap();
            assert_eq!(proof.check(&line), Ok(()), "{count}");
            for index in [proof.index ^ 1, proof.index + 1] {
                let moved = SumProof { index, ..proof.clone() };
                assert!(index == proof.index || moved.check(&line).is_err(), "{count} {index}");
            }
        }
    }
}

#[test]
fn refusals() {
    let fold = |leaves| SumTree::over(leaves).map(|tree| tree.root().sum);
    let max = u128::MAX;
    assert_eq!(fold(vec![]), Err(SealError::EmptyTree));
    assert_eq!(fold(vec![leaf("a", "posted", max, 1)]), Ok(max));
    assert_eq!(fold(vec![leaf("a", "posted", max, 1), leaf("b", "posted", 1, 1)]), Err(SealError::Overflow));
    assert_eq!(fold(vec![leaf("a", "posted", 1, 1), leaf("a", "posted", 2, 2)]), Err(SealError::DuplicateId));
    assert_eq!(fold(vec![leaf("a", "posted", 1, 1), leaf("a", "available", 2, 2)]), Ok(3));
    for (account, book) in
        [("a", "external"), ("", "posted"), ("a b", "posted"), ("a", "po\nsted"), ("ü", "x")]
    {
        assert_eq!(Leaf::new(account, book, 1, [0; 16]), Err(SealError::BadValue), "{account} {book}");
    }
    assert_eq!(tree(3, 1).prove("a9", "posted"), Err(SealError::LeafUnknown));
    let root = "0".repeat(64);
    for bad in ["c k a 0 1 R", "c k a 01 1 R", "c k a 1 +1 R", "c k a 1 1", "c  a 1 1 R", "c k a 1 1 R x"] {
        assert_eq!(TreeLine::parse(&bad.replace('R', &root)), Err(SealError::BadValue), "{bad}");
    }
}

#[test]
fn reasons_in_their_order() {
    let tree = tree(3, 5);
    let line = line(&tree);
    let proof = tree.prove(tree.leaves()[0].account(), "posted").unwrap();
    let check = |change: fn(&mut SumProof)| {
        let mut changed = proof.clone();
        change(&mut changed);
        changed.check(&line)
    };
    assert_eq!(check(|_| ()), Ok(()));
    assert_eq!(check(|proof| proof.index = 3), Err(NotIncluded::IndexOutOfRange));
    assert_eq!(check(|proof| drop(proof.steps.pop())), Err(NotIncluded::PathLength));
    assert_eq!(check(|proof| proof.steps[1].hash.push(0)), Err(NotIncluded::HashLength));
    assert_eq!(check(|proof| proof.steps[1].sum = u128::MAX), Err(NotIncluded::Overflow));
    assert_eq!(check(|proof| proof.leaf.units += 1), Err(NotIncluded::RootMismatch));
    let mut other = line.clone();
    let root = SumNode { sum: other.root().sum + 1, ..other.root() };
    other = TreeLine::new(other.names(), other.count(), root).unwrap();
    assert_eq!(proof.check(&other), Err(NotIncluded::SumMismatch));
}

proptest! {
    #[test]
    fn any_flip_in_a_proof_fails(count in 1_u64..130, leaf in any::<u64>(), step in any::<usize>(), bit in 0..384_u32) {
        let tree = tree(count, 1_000);
        let line = line(&tree);
        let leaf = &tree.leaves()[usize::try_from(leaf % count).unwrap()];
        let mut proof = tree.prove(leaf.account(), leaf.book()).unwrap();
        let place = step % (proof.steps.len() + 1);
        match (proof.steps.get_mut(place), bit) {
            (Some(step), 0..256) => step.hash[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8),
            (Some(step), bit) => step.sum ^= 1 << (bit - 256),
            (None, 0..128) => proof.leaf.units ^= 1 << bit,
            (None, bit) => proof.leaf.salt[usize::try_from(bit % 16).unwrap()] ^= 1,
        }
        prop_assert!(proof.check(&line).is_err());
    }
}
