//! What a piece of the screen means. Theme files give each meaning a style; nothing else on screen has one.

/// A meaning. Its name in theme files is [`Role::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The whole frame, below everything.
    Background,
    Text,
    /// What is there but need not be read: labels, units, old data.
    TextMuted,
    /// What the eye should find first.
    TextStrong,
    Border,
    BorderFocused,
    /// The row under the cursor.
    Selection,
    StatusOk,
    StatusRunning,
    StatusWaiting,
    StatusWarning,
    StatusFailed,
    StatusPaused,
    StatusUnknown,
    /// Border and title of everything that touches production.
    Production,
    /// The tag that says it.
    ProductionTag,
    ChartLine,
    ChartBaseline,
    ChartLimit,
    ChartGrid,
    /// A moment drawn into a chart: the deploy.
    ChartMark,
    /// A key in a hint.
    Key,
    /// Text being typed.
    Input,
    /// A small inverted label.
    Badge,
    /// A whole line that nobody must miss, because something is wrong.
    BannerBad,
    /// The same, because something is right again.
    BannerGood,
    /// A row that just changed.
    Flash,
    /// The part of a text that a filter or a search found.
    Match,
}

impl Role {
    pub const COUNT: usize = 28;

    pub const ALL: [Self; Self::COUNT] = [
        Self::Background,
        Self::Text,
        Self::TextMuted,
        Self::TextStrong,
        Self::Border,
        Self::BorderFocused,
        Self::Selection,
        Self::StatusOk,
        Self::StatusRunning,
        Self::StatusWaiting,
        Self::StatusWarning,
        Self::StatusFailed,
        Self::StatusPaused,
        Self::StatusUnknown,
        Self::Production,
        Self::ProductionTag,
        Self::ChartLine,
        Self::ChartBaseline,
        Self::ChartLimit,
        Self::ChartGrid,
        Self::ChartMark,
        Self::Key,
        Self::Input,
        Self::Badge,
        Self::BannerBad,
        Self::BannerGood,
        Self::Flash,
        Self::Match,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Text => "text",
            Self::TextMuted => "text.muted",
            Self::TextStrong => "text.strong",
            Self::Border => "border",
            Self::BorderFocused => "border.focused",
            Self::Selection => "selection",
            Self::StatusOk => "status.ok",
            Self::StatusRunning => "status.running",
            Self::StatusWaiting => "status.waiting",
            Self::StatusWarning => "status.warning",
            Self::StatusFailed => "status.failed",
            Self::StatusPaused => "status.paused",
            Self::StatusUnknown => "status.unknown",
            Self::Production => "production",
            Self::ProductionTag => "production.tag",
            Self::ChartLine => "chart.line",
            Self::ChartBaseline => "chart.baseline",
            Self::ChartLimit => "chart.limit",
            Self::ChartGrid => "chart.grid",
            Self::ChartMark => "chart.mark",
            Self::Key => "key",
            Self::Input => "input",
            Self::Badge => "badge",
            Self::BannerBad => "banner.bad",
            Self::BannerGood => "banner.good",
            Self::Flash => "flash",
            Self::Match => "match",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Lines and grids may be faint; everything else is text somebody has to read.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Background | Self::Border | Self::ChartGrid)
    }
}
