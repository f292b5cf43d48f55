//! The widgets: width is what the terminal shows, only what shows is formatted, gaps are gaps.

use std::cell::RefCell;

use gatewatch::console::theme::Theme;
use gatewatch::console::theme::depth::Depth;
use gatewatch::console::theme::role::Role;
use gatewatch::console::widgets::chart::{self, Chart, Mark, Point};
use gatewatch::console::widgets::table::{self, Column, Row, Window};
use gatewatch::console::widgets::{meter, sparkline, strip, text, time};
use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::phase::{Phase, PhaseStatus};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::rig::{at, text as shown, theme};

fn dark() -> Theme {
    theme("dark", Depth::Rgb)
}

proptest! {
    #[test]
    fn what_is_cut_fits_and_begins_as_it_did(words in "(.|[あ漢字한🚀é]|e\u{301}){0,24}", max in 0usize..30) {
        let cut = text::cut(&words, max);
        prop_assert!(text::width(&cut) <= max);
        prop_assert!(words.starts_with(cut.trim_end_matches('…')) || words.ends_with('…'));
        prop_assert!(text::width(&text::cut_middle(&words, max)) <= max);
        prop_assert_eq!(text::width(&text::fit(&words, max)), max.max(text::width(&text::cut(&words, max))));
    }

    #[test]
    fn a_styled_line_is_cut_like_its_text(parts in proptest::collection::vec("[a-z漢🚀]{0,6}", 0..6), max in 0usize..30) {
        let line = Line::from(parts.iter().map(|part| Span::raw(part.clone())).collect::<Vec<_>>());
        let plain = parts.concat();
        let cut = text::cut_line(line, max);
        prop_assert!(cut.width() <= max);
        if text::width(&plain) <= max {
            prop_assert_eq!(cut.to_string(), plain);
        }
    }

    #[test]
    fn wrapping_loses_nothing_but_blanks_and_keeps_the_width(words in "[a-z漢 🚀\n]{0,80}", columns in 2usize..20) {
        let lines = text::wrap(&words, columns);
        for line in &lines {
            prop_assert!(text::width(line) <= columns, "{:?}", line);
        }
        let bare = |text: &str| text.replace([' ', '\n'], "");
        prop_assert_eq!(bare(&lines.concat()), bare(&words));
    }

    #[test]
    fn a_meter_is_as_wide_as_it_is_told_and_full_only_at_the_end(share in -0.5f64..1.5, columns in 2u16..40) {
        let bar: String = meter::meter(share, columns, Role::StatusOk, &dark()).iter().map(|span| span.content.as_ref()).collect();
        prop_assert_eq!(text::width(&bar), usize::from(columns));
        if columns > 3 {
            prop_assert_eq!(!bar.contains('░'), share >= 1.0, "{}", bar);
            prop_assert_eq!(!bar.contains('█'), share <= 0.0, "{}", bar);
        }
    }
}

#[test]
fn times_read_as_people_say_them() {
    let ms = |seconds: u64| Millis::from_secs(seconds);
    let cases = [
        (time::until(at(0), at(0).plus(ms(71 * 3600 + 56 * 60))), "in 71h 56m"),
        (time::until(at(0), at(45)), "in 45s"),
        (time::until(at(0), at(570)), "in 9m 30s"),
        (time::until(at(0), at(46 * 3600)), "in 46h"),
        (time::until(at(7200), at(0)), "overdue 2h"),
        (time::until(at(0), at(300 * 3600)), "in 12d 12h"),
        (time::age(at(240), at(0)), "4m"),
        (time::age(at(26 * 3600), at(0)), "26h"),
        (time::age(at(73 * 3600), at(0)), "3d"),
        (time::age(at(0), at(5)), "0s"),
        (time::about(at(59), at(0)), "<1m"),
        (time::about(at(299), at(0)), "2m"),
        (time::about(at(3599), at(0)), "30m"),
        (time::about(at(7199), at(0)), "1h"),
        (time::took(Millis(410)), "410ms"),
        (time::took(Millis(2149)), "2.1s"),
        (time::took(ms(192)), "3m 12s"),
        (time::clock(ms(192)), "03:12"),
        (time::clock(ms(3792)), "1:03:12"),
        (time::countdown(at(0), at(0).plus(Millis(1))), "00:01"),
        (time::countdown(at(30), at(30)), "00:00"),
        (time::when(at(0), at(231)), "14:03:51"),
        (time::when(at(36 * 3600), at(0)), "11-21 14:00"),
    ];
    for (said, words) in cases {
        assert_eq!(said, words);
    }
}

#[test]
fn a_sparkline_shows_what_was_not_measured_as_nothing() {
    let values = [Some(0.0), Some(5.0), None, Some(10.0), Some(99.0)];
    assert_eq!(sparkline::sparkline(&values, 7, 10.0), "  ▁▅ ██");
    assert_eq!(sparkline::sparkline(&values, 2, 10.0), "██", "the newest");
    assert_eq!(sparkline::sparkline(&values, 3, 0.0), " ▁▁");
}

#[test]
fn a_strip_gives_up_names_before_signs() {
    let phase = |name: &str, status| Phase { name: name.into(), status, started_at: None, ended_at: None };
    let phases = [
        phase("requirement", PhaseStatus::Done),
        phase("plan", PhaseStatus::Done),
        phase("production", PhaseStatus::Running),
        phase("done", PhaseStatus::Pending),
    ];
    let at_width = |columns| strip::strip(&phases, columns, &dark()).to_string();
    assert_eq!(at_width(60), "requirement ✓  plan ✓  production ●  done ·");
    assert_eq!(at_width(32), "requ ✓  plan ✓  prod ●  done ·");
    assert_eq!(at_width(10), "✓✓●·");
    assert_eq!(at_width(3), "✓✓…");
}

fn drawn(chart: &Chart<'_>, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    chart::render(chart, &dark(), &mut buffer, Rect::new(0, 0, width, height));
    buffer
}

#[test]
fn a_chart_draws_what_the_line_is_held_against_and_leaves_gaps_open() {
    let point = |second: u64, value: Option<f64>| Point { at: at(second), value };
    let points = [
        point(0, Some(2.0)),
        point(10, Some(2.0)),
        point(20, None),
        point(30, Some(2.0)),
        point(70, Some(2.0)),
        point(80, Some(9.0)),
    ];
    let marks = [Mark { at: at(10), word: "deploy" }];
    let chart = Chart {
        points: &points,
        from: at(0),
        to: at(80),
        baseline: Some(1.0),
        limit: Some(6.0),
        marks: &marks,
        gap: Millis::from_secs(15),
    };
    insta::assert_snapshot!(shown(&drawn(&chart, 50, 9)), @r"
    10┤     ┊                                  ⢀
      │     ┊                                 ⢀⡞
      │     ┊                                 ⡼
      │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⡼⠁┄ limit
     5┤     ┊                               ⡼⠁
      │     ┊                              ⣰⠃
      │⠒⠒⠒⠒⠒⠂         ⠂                   ⠐⠃
     0┤········································· base
       14:00:00 deploy                  14:01:20
    ");
    // What is above the limit looks like it.
    let buffer = drawn(&chart, 50, 9);
    let failed = dark().style(Role::StatusFailed).fg;
    assert!(buffer.content.iter().any(|cell| Some(cell.fg) == failed && cell.symbol() >= "\u{2801}"));
    // Too small an area stays empty rather than wrong.
    assert!(drawn(&chart, 9, 2).content.iter().all(|cell| cell.symbol() == " "));
}

#[test]
fn a_chart_of_anything_stays_inside_its_area() {
    let cases: [&[f64]; 5] = [&[], &[0.0, 0.0], &[f64::NAN, 1.0], &[f64::INFINITY], &[1e12, -5.0, 3e-9]];
    for values in cases {
        let points: Vec<Point> =
            values.iter().zip(0..).map(|(value, second)| Point { at: at(second), value: Some(*value) }).collect();
        for (width, height) in [(10, 3), (30, 5), (200, 40)] {
            let chart = Chart {
                points: &points,
                from: at(0),
                to: at(0),
                baseline: Some(f64::NAN),
                limit: Some(-1.0),
                marks: &[Mark { at: at(99), word: "never" }],
                gap: Millis(0),
            };
            drawn(&chart, width, height);
        }
    }
}

const COLUMNS: [Column; 4] = [
    Column::flex("ID", 8, 2),
    Column::fixed("ENV", 4).spare(1),
    Column::flex("NOTE", 6, 1).spare(2),
    Column::fixed("N", 3).right(),
];

#[test]
#[expect(clippy::unicode_not_nfc, reason = "a decomposed accent is what is tried")]
fn a_table_formats_only_what_shows() {
    let asked = RefCell::new(Vec::new());
    let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 5));
    let area = buffer.area;
    let window = Window { total: 100_000, offset: 500, cursor: Some(501) };
    table::render(&COLUMNS, window, &dark(), (&mut buffer, area), |index| {
        asked.borrow_mut().push(index);
        let cells = vec![
            Line::from(format!("注文-{index}-🚀-payments-retry")),
            Line::from("prod"),
            Line::from("e\u{301}tat"),
            Line::from("7"),
        ];
        Row { cells, role: None }
    });
    assert_eq!(*asked.borrow(), [500, 501, 502, 503]);
    insta::assert_snapshot!(shown(&buffer), @r"
     ID                ENV   NOTE          N
     注文-500-🚀-pay…  prod  état          7
    ▸注文-501-🚀-pay…  prod  état          7
     注文-502-🚀-pay…  prod  état          7
     注文-503-🚀-pay…  prod  état          7
    ");
    let marked = (0..40).take_while(|x| Some(buffer[(*x, 2)].bg) == dark().style(Role::Selection).bg);
    assert_eq!(marked.count(), 1 + 16, "the cursor and the first column, and no more than moving may cost");
}

#[test]
fn a_table_gives_up_columns_before_legibility() {
    let titles = |width: u16| -> Vec<&str> {
        let places = table::places(&COLUMNS, width);
        COLUMNS.iter().zip(places).filter(|(_, place)| place.is_some()).map(|(column, _)| column.title).collect()
    };
    assert_eq!(titles(60), ["ID", "ENV", "NOTE", "N"]);
    assert_eq!(titles(24), ["ID", "ENV", "N"]);
    assert_eq!(titles(15), ["ID", "N"]);
    for width in 0..200 {
        for (x, wide) in table::places(&COLUMNS, width).into_iter().flatten() {
            assert!(x + wide <= width, "{width}: {x}+{wide}");
        }
    }
}

/// What is cut still means what it meant.
#[test]
fn a_cut_line_keeps_its_style() {
    let muted = dark().style(Role::TextMuted);
    let cut = text::cut_line(Line::styled("runs after watching", muted), 10);
    assert_eq!((cut.to_string().as_str(), cut.style), ("runs afte…", muted));
}

/// On a wide screen what belongs together stays together: columns that are wide enough leave room to the others.
#[test]
fn columns_grow_no_wider_than_is_good_for_them() {
    let columns = [
        Column::flex("A", 10, 1).at_most(20),
        Column::flex("B", 10, 1),
        Column::fixed("C", 5),
        Column::flex("D", 5, 1).at_most(8),
    ];
    let widths = |available| -> Vec<u16> {
        table::places(&columns, available).into_iter().map(|place| place.unwrap().1).collect()
    };
    assert_eq!(widths(36), [10, 10, 5, 5]);
    assert_eq!(widths(200), [20, 161, 5, 8]);
}
