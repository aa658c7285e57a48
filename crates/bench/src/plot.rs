//! Bar charts as SVG, readable on a light and on a dark page.

use std::fmt::Write as _;

use crate::report::number;

/// A chart of horizontal bars.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    /// Its file's name, without the ending.
    pub(crate) file: &'static str,
    pub(crate) title: String,
    /// Each bar's name and length.
    pub(crate) bars: Vec<(String, f64)>,
    /// An aim, drawn as a line.
    pub(crate) aim: Option<f64>,
}

const WIDTH: f64 = 760.0;
const NAMES: f64 = 230.0;
const VALUES: f64 = 80.0;
const ROW: f64 = 26.0;
const TOP: f64 = 40.0;

/// The chart as SVG.
pub(crate) fn svg(chart: &Bars) -> String {
    let most = chart.bars.iter().map(|bar| bar.1).chain(chart.aim);
    let most = most.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let length = |value: f64| value / most * (WIDTH - NAMES - VALUES);
    let height = TOP + ROW * chart.bars.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <style>text{{fill:#333}}.own{{fill:#2a7de1}}.other{{fill:#9aa5b1}}.aim{{stroke:#d43}}\
         @media(prefers-color-scheme:dark){{text{{fill:#ddd}}}}</style>\n\
         <text x=\"8\" y=\"22\" font-weight=\"bold\">{}</text>\n",
        escaped(&chart.title)
    );
    for (row, (name, value)) in chart.bars.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let class = if name.starts_with("Tertulia") {
            "own"
        } else {
            "other"
        };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"18\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            NAMES - 8.0,
            y + 14.0,
            escaped(name),
            length(*value),
            NAMES + length(*value) + 6.0,
            y + 14.0,
            number(*value)
        );
    }
    if let Some(aim) = chart.aim {
        let x = NAMES + length(aim);
        let _ = writeln!(
            svg,
            "<line class=\"aim\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" \
             stroke-width=\"2\" stroke-dasharray=\"4 3\"/>",
            TOP - 6.0,
            height - 8.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_width_and_texts_are_escaped() {
        let chart = Bars {
            file: "chart",
            title: "cost < more".to_owned(),
            bars: vec![("limit".to_owned(), 1.0), ("Tertulia".to_owned(), 2.0)],
            aim: Some(1.3),
        };
        let drawn = svg(&chart);
        assert!(drawn.contains("cost &lt; more"), "{drawn}");
        assert!(drawn.contains("width=\"450.0\""), "{drawn}");
        assert!(drawn.contains("width=\"225.0\""), "{drawn}");
    }
}
