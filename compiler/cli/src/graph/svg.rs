//! A diagram as a picture: a box for each fact that is asked, a row in it for each answer, with the output where the
//! answer settles it and a line to the next box where it does not. Colours are its own, on ground of its own, so that
//! it reads the same in light and dark; no scripts, no fonts and nothing from elsewhere.

use std::fmt::{self, Write as _};

use hpol_bundle::decision::Verdict;
use hpol_bundle::program::dag::{Leaf, Target};

use crate::visible;

use super::cards::{Card, Leads, Row};
use super::layout::{self, Layout, Line, Shape};

/// Cards that a person can find their way through, and then some.
pub(super) const MAX_CARDS: usize = 150;

/// Characters of one label; the whole of it is shown on hovering.
const LABEL: usize = 44;
/// Width of a character of a monospaced font of 13 pixels.
const CHARACTER: i32 = 8;
const ROW: i32 = 22;
const PADDING: i32 = 10;
const MARGIN: i32 = 24;
const HEADING: i32 = 40;
const INK: &str = "#1f2328";
/// Colours of lines, by the box that they lead to.
const LINES: [&str; 6] = [
    "#57606a", "#0969da", "#8250df", "#bf3989", "#9a6700", "#1b7c83",
];

/// What stands at the end of a row.
struct End<'a> {
    text: &'a str,
    fill: &'static str,
    ink: &'static str,
    dashed: bool,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
struct Style {
    ink: &'static str,
    bold: bool,
}

impl Style {
    fn plain(ink: &'static str) -> Style {
        Style { ink, bold: false }
    }
}

/// The picture of `cards`, of which the first `roots` are where ways begin, called `title`.
pub(super) fn draw(cards: &[Card], roots: usize, title: &str) -> String {
    let shapes: Vec<Shape> = cards.iter().map(shape).collect();
    let layout = layout::place(&shapes, roots);
    let mut svg = String::new();
    // INVARIANT: writing to a string does not fail.
    let _ = write(&mut svg, title, cards.iter().zip(&shapes), &layout);
    svg
}

fn shape(card: &Card) -> Shape {
    let wide = card.rows.iter().map(|row| {
        let end = End::of(&row.leads);
        width_of(&row.answer) + end.map_or(0, |end| width_of(end.text) + 3 * PADDING)
    });
    let above = above(card);
    let middles = (0..).map(|row| above + row * ROW + ROW / 2 + 2);
    let outlet = |(row, middle): (&Row, i32)| match row.leads {
        Leads::Card(next) => Some((middle, next)),
        Leads::End(_) => None,
    };
    Shape {
        width: wide
            .chain([width_of(&card.heading)])
            .max()
            .unwrap_or_default()
            + 2 * PADDING,
        height: above + i32::try_from(card.rows.len()).unwrap_or_default() * ROW + 4,
        inlet: ROW / 2 + 2,
        outlets: card.rows.iter().zip(middles).filter_map(outlet).collect(),
    }
}

/// Height of what stands above the rows.
fn above(card: &Card) -> i32 {
    if card.heading.is_empty() { 0 } else { ROW + 4 }
}

impl<'a> End<'a> {
    /// What `leads` ends with, if it does.
    fn of(leads: &'a Leads) -> Option<End<'a>> {
        let (text, fill, ink, dashed) = match leads {
            Leads::Card(_) | Leads::End(Target::Step(_)) => return None,
            Leads::End(Target::Rest(rest)) => (rest, "#ffffff", "#424a53", true),
            Leads::End(Target::Leaf(leaf, text)) => match leaf {
                Leaf::Verdict(Verdict::Allow) => (text, "#dafbe1", "#116329", false),
                Leaf::Verdict(Verdict::RequireApproval) => (text, "#fff8c5", "#6f4400", false),
                Leaf::Verdict(Verdict::Block) => (text, "#ffebe9", "#a40e26", false),
                // Whatever else an output says, its words say it.
                _ => (text, "#ddf4ff", "#0550ae", false),
            },
        };
        Some(End {
            text,
            fill,
            ink,
            dashed,
        })
    }
}

fn write<'a>(
    svg: &mut String,
    title: &str,
    cards: impl Iterator<Item = (&'a Card, &'a Shape)>,
    layout: &Layout,
) -> fmt::Result {
    let title = visible::line(title);
    let width = layout.width.max(columns(&title) * CHARACTER) + 2 * MARGIN;
    let height = layout.height + 2 * MARGIN + HEADING;
    let title = escape(&title);
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13">"#
    )?;
    writeln!(svg, "<title>{title}</title>")?;
    writeln!(
        svg,
        r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##
    )?;
    writeln!(
        svg,
        r##"<text x="{MARGIN}" y="{}" font-weight="bold" fill="{INK}">{title}</text>"##,
        MARGIN + 10
    )?;
    writeln!(
        svg,
        r#"<g transform="translate({MARGIN},{})">"#,
        MARGIN + HEADING
    )?;
    for line in &layout.lines {
        write_line(svg, line)?;
    }
    for ((card, shape), place) in cards.zip(&layout.places) {
        write_card(svg, card, shape, *place)?;
    }
    writeln!(svg, "</g>\n</svg>")
}

fn write_line(svg: &mut String, line: &Line) -> fmt::Result {
    let Line {
        from: (x, y),
        turn,
        to: (end_x, end_y),
        target,
        arrives,
    } = line;
    let color = LINES.get(target % LINES.len()).unwrap_or(&"#57606a");
    // Room for the head of the arrow.
    let end = if *arrives { end_x - 6 } else { *end_x };
    let bend = (end + turn) / 2;
    writeln!(
        svg,
        r#"<path d="M{x} {y}H{turn}C{bend} {y} {bend} {end_y} {end} {end_y}" fill="none" stroke="{color}" stroke-width="1.5"/>"#
    )?;
    if *arrives {
        writeln!(
            svg,
            r#"<path d="M{end_x} {end_y}l-8 -4v8z" fill="{color}"/>"#
        )?;
    }
    Ok(())
}

fn write_card(svg: &mut String, card: &Card, shape: &Shape, (x, y): (i32, i32)) -> fmt::Result {
    let Shape { width, height, .. } = shape;
    writeln!(
        svg,
        r##"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="#f6f8fa" stroke="#57606a"/>"##
    )?;
    let mut base = y + ROW - 5;
    if !card.heading.is_empty() {
        let style = Style {
            ink: INK,
            bold: true,
        };
        write_text(svg, &card.heading, (x + PADDING, base), style)?;
        let below = y + ROW + 2;
        writeln!(
            svg,
            r##"<path d="M{x} {below}h{width}" stroke="#d0d7de"/>"##
        )?;
        base += above(card);
    }
    for row in &card.rows {
        write_text(svg, &row.answer, (x + PADDING, base), Style::plain(INK))?;
        if let Some(end) = End::of(&row.leads) {
            let wide = width_of(end.text) + 2 * PADDING;
            let left = x + width - wide - PADDING / 2;
            let dashes = if end.dashed {
                r#" stroke-dasharray="4 2""#
            } else {
                ""
            };
            writeln!(
                svg,
                r#"<rect x="{left}" y="{}" width="{wide}" height="{}" rx="8" fill="{}" stroke="{}"{dashes}/>"#,
                base - ROW + 8,
                ROW - 4,
                end.fill,
                end.ink
            )?;
            write_text(svg, end.text, (left + PADDING, base), Style::plain(end.ink))?;
        }
        base += ROW;
    }
    Ok(())
}

fn write_text(svg: &mut String, text: &str, (x, y): (i32, i32), style: Style) -> fmt::Result {
    let shown = shown(text);
    let whole = visible::line(text);
    let weight = if style.bold {
        r#" font-weight="bold""#
    } else {
        ""
    };
    write!(
        svg,
        r#"<text x="{x}" y="{y}" fill="{}"{weight}>{}"#,
        style.ink,
        escape(&shown)
    )?;
    if shown != whole {
        write!(svg, "<title>{}</title>", escape(&whole))?;
    }
    writeln!(svg, "</text>")
}

/// The label as it stands in the picture.
fn shown(text: &str) -> String {
    let text = visible::line(text);
    if text.chars().count() <= LABEL {
        return text;
    }
    text.chars().take(LABEL - 1).chain(['…']).collect()
}

/// Pixels that a label takes.
fn width_of(text: &str) -> i32 {
    columns(&shown(text)) * CHARACTER
}

fn columns(text: &str) -> i32 {
    // Letters of East Asian scripts and emoji take two.
    let columns = |c: char| {
        if u32::from(c) < 0x1100 || c == '…' {
            1
        } else {
            2
        }
    };
    text.chars().map(columns).sum()
}

/// As it stands in the text of XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
