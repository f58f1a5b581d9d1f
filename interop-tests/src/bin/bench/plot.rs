//! Curves as SVG: two axes, a grid, lines with a legend. No more is needed, and what is drawn can be read as text.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 84.0;
/// Told apart with any colour vision, on white.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// One picture.
#[derive(Debug)]
pub(crate) struct Plot {
    /// The file's name without its ending.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) title: &'static str,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
}

/// One axis.
#[derive(Debug)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) scale: Scale,
}

/// How values become places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    /// Each decade equally long.
    Logarithmic,
    /// The same, from the first to the last value that was measured, and these are marked on the axis.
    Measured,
}

/// One curve.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Plot {
    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let all = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let x = Range::of(self.x.scale, all().map(|(x, _)| x));
        let y = Range::of(self.y.scale, all().map(|(_, y)| y));
        let across = |value: f64| LEFT + x.share(value) * (WIDTH - LEFT - RIGHT);
        let up = |value: f64| HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM);

        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <title>{}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n",
            escaped(self.title)
        );
        text(&mut svg, (WIDTH / 2.0, 26.0), "middle\" font-size=\"15", self.title);
        let (floor, ceiling) = (HEIGHT - BOTTOM, TOP);
        for tick in x.ticks() {
            line(&mut svg, (across(tick), floor), (across(tick), ceiling));
            text(&mut svg, (across(tick), floor + 17.0), "middle", &short(tick));
        }
        for tick in y.ticks() {
            line(&mut svg, (LEFT, up(tick)), (WIDTH - RIGHT, up(tick)));
            text(&mut svg, (LEFT - 7.0, up(tick) + 4.0), "end", &short(tick));
        }
        text(&mut svg, (f64::midpoint(LEFT, WIDTH - RIGHT), floor + 36.0), "middle", self.x.label);
        let middle = f64::midpoint(floor, ceiling);
        writeln!(
            svg,
            "<text x=\"18\" y=\"{middle:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 18 {middle:.1})\">{}</text>",
            escaped(self.y.label)
        )
        .unwrap();
        let mut legend = LEFT;
        for (curve, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let points = curve.points.iter().map(|(x, y)| format!("{:.1},{:.1}", across(*x), up(*y)));
            let points: Vec<_> = points.collect();
            writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                points.join(" ")
            )
            .unwrap();
            // Few points were measured one by one; many are a curve already.
            for point in points.iter().filter(|_| points.len() <= MARKED) {
                let (x, y) = point.split_once(',').unwrap();
                writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>").unwrap();
            }
            let base = HEIGHT - 18.0;
            writeln!(
                svg,
                "<rect x=\"{legend:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>",
                base - 6.0
            )
            .unwrap();
            text(&mut svg, (legend + 19.0, base), "start", &curve.label);
            legend += 40.0 + 6.6 * f64::from(u32::try_from(curve.label.chars().count()).unwrap());
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Curves with more points than this show no point of its own.
const MARKED: usize = 40;

/// What an axis spans.
struct Range {
    scale: Scale,
    low: f64,
    high: f64,
    measured: Vec<f64>,
}

impl Range {
    fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let mut measured: Vec<f64> = values.collect();
        measured.sort_by(f64::total_cmp);
        measured.dedup();
        let (least, most) = (measured[0], measured[measured.len() - 1]);
        let (low, high) = match scale {
            Scale::Linear => (0.0, round_up(most.max(f64::MIN_POSITIVE))),
            Scale::Logarithmic => {
                let low = 10_f64.powf(least.log10().floor());
                (low, 10_f64.powf(most.log10().ceil()).max(low * 10.0))
            }
            Scale::Measured => (least, most),
        };
        Self { scale, low, high, measured }
    }

    /// Where a value lies between the ends, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic | Scale::Measured => (value / self.low).log10() / (self.high / self.low).log10(),
        }
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => (0..=5).map(|step| self.high * f64::from(step) / 5.0).collect(),
            Scale::Logarithmic => {
                let decades = (self.high / self.low).log10().round();
                let steps = (0..=20).map(f64::from).take_while(|step| *step <= decades);
                steps.map(|step| self.low * 10_f64.powf(step)).collect()
            }
            Scale::Measured => self.measured.clone(),
        }
    }
}

/// The next number that divides well into five.
fn round_up(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * decade).find(|it| *it >= value * 0.999_999).unwrap_or(value)
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    writeln!(svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>").unwrap();
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(text)).unwrap();
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A number as people write it on an axis.
fn short(value: f64) -> String {
    let digits = |value: f64| format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    match value {
        value if value >= 1e6 => format!("{}M", digits(value / 1e6)),
        value if value >= 1e4 => format!("{}k", digits(value / 1e3)),
        value => digits(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(scale: Scale, points: Vec<(f64, f64)>) -> String {
        let axis = |label| Axis { label, scale };
        let lines = vec![Line { label: "ours & theirs".to_owned(), points }];
        Plot { name: "x", title: "a < b", x: axis("clients"), y: axis("per second"), lines }.svg()
    }

    #[test]
    fn the_ends_of_the_axes_are_the_ends_of_the_field() {
        let svg = plot(Scale::Linear, vec![(0.0, 0.0), (10.0, 100.0)]);
        assert!(svg.contains("points=\"78.0,316.0 700.0,48.0\""), "{svg}");
        let svg = plot(Scale::Measured, vec![(1.0, 1.0), (16.0, 16.0), (256.0, 256.0)]);
        assert!(svg.contains("points=\"78.0,316.0 389.0,182.0 700.0,48.0\"") && svg.contains(">256<"), "{svg}");
        let svg = plot(Scale::Logarithmic, vec![(1.0, 1.0), (10.0, 10.0), (100.0, 100.0)]);
        assert!(svg.contains("points=\"78.0,316.0 389.0,182.0 700.0,48.0\""), "{svg}");
    }

    #[test]
    fn texts_cannot_break_the_document() {
        let svg = plot(Scale::Linear, vec![(1.0, 1.0)]);
        assert!(svg.contains("a &lt; b") && svg.contains("ours &amp; theirs"));
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!([0.0, 0.5, 1500.0, 20_000.0, 1e6].map(short), ["0", "0.5", "1500", "20k", "1M"]);
        assert_eq!(round_up(3_212.0), 4_000.0);
        assert_eq!(round_up(2.0), 2.0);
    }
}
