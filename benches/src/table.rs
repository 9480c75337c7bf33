//! The results, as somebody would rather look at them.

/// One result.
#[derive(Debug, Default)]
pub(crate) struct Row {
    what: String,
    bare: String,
    slipway: String,
    ratio: String,
    wanted: String,
    ok: Option<bool>,
}

/// All results.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    pub(crate) fn bare(mut self, text: impl Into<String>) -> Self {
        self.bare = text.into();
        self
    }

    pub(crate) fn slipway(mut self, text: impl Into<String>) -> Self {
        self.slipway = text.into();
        self
    }

    pub(crate) fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = format!("{ratio:.3}×");
        self
    }

    pub(crate) fn wanted(mut self, text: impl Into<String>, ok: bool) -> Self {
        self.wanted = text.into();
        self.ok = Some(ok);
        self
    }

    fn cells(&self) -> [&str; 6] {
        let ok = match self.ok {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        [&self.what, &self.bare, &self.slipway, &self.ratio, &self.wanted, ok]
    }
}

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    #[expect(clippy::print_stdout, reason = "what the program is for")]
    pub(crate) fn print(&self) {
        const HEADS: [&str; 6] = ["", "bare", "slipway", "ratio", "wanted", "ok?"];
        let mut lines = vec![HEADS];
        lines.extend(self.rows.iter().map(Row::cells));
        let mut widths = [0; 6];
        for (width, column) in widths.iter_mut().zip(0..) {
            let lengths = lines.iter().filter_map(|cells| cells.get(column));
            *width = lengths.map(|cell| cell.chars().count()).max().unwrap_or_default();
        }
        let rule: usize = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
        println!();
        for (number, [what, bare, slipway, ratio, wanted, ok]) in lines.into_iter().enumerate() {
            let [a, b, c, d, e, _] = widths;
            let line =
                format!("{what:<a$}  {bare:>b$}  {slipway:>c$}  {ratio:>d$}  {wanted:<e$}  {ok}");
            println!("{}", line.trim_end());
            if number == 0 {
                println!("{}", "─".repeat(rule));
            }
        }
        println!();
    }
}
