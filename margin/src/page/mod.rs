//! Results as a page to read: plain HTML with its pictures inside, so that it needs no network and
//! no script, and can be kept beside the figures.
//!
//! Every text that is not ours is escaped: an instrument may be called anything.

mod chart;
mod explained;

pub(crate) use chart::{Chart, Line};
pub(crate) use explained::of_run;

use std::fmt::Write as _;

/// The page of a title and a body that is already HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )
}

/// Text as HTML shows it, in an element or in a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What turns the direction of what follows would let one name look like another.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                safe.push('\u{fffd}')
            }
            control if control.is_control() && control != '\n' && control != '\t' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// A table of a heading and rows of texts; the first column names, the others are figures.
pub(crate) fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut html = String::from("<table>\n<thead><tr>");
    let cells = |html: &mut String, cells: &[String], tag: &str| {
        for cell in cells {
            // Writing to a string cannot fail.
            let _ = write!(html, "<{tag}>{}</{tag}>", escaped(cell));
        }
    };
    cells(&mut html, &heading.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), "th");
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        cells(&mut html, &row, "td");
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n");
    html
}

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem}\
table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}\
th,td{padding:.15rem .6rem;text-align:right;border-bottom:1px solid #d8dee4}\
th:first-child,td:first-child{text-align:left}\
details{margin:.1rem 0 .1rem 1.1rem}summary{cursor:pointer}\
.value{font-variant-numeric:tabular-nums;font-weight:600}.credit{color:#1a7f37}\
.rule,.formula,.note{color:#57606a;font-size:.85rem}code{font-size:.85rem}\
svg{max-width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:#57606a}\
.scroll{overflow-x:auto}.grid td{border:1px solid #fff;min-width:4.5rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        let hostile = "</td><script>alert('\"&\u{202e}\u{0}')</script>";
        let safe = escaped(hostile);
        for letter in ['<', '>', '"', '\'', '\u{202e}', '\u{0}'] {
            assert!(!safe.contains(letter), "{safe}");
        }
        let html = page(hostile, &table(&[hostile], [vec![hostile.to_owned()]]));
        assert!(!html.contains("<script"));
        assert!(!html.contains("http://") && !html.contains("https://"));
    }
}
