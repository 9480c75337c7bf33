//! The names that come nearest to one that does not exist.

/// Names that a failure lists.
const MOST: usize = 3;
/// `main` and `master` are that much alike.
const ALIKE: f64 = 0.6;

/// Keeps the nearest of all names that it is shown, however many.
pub(crate) struct Nearest {
    to: String,
    names: Vec<(f64, String)>,
}

impl Nearest {
    pub(crate) fn new(to: &str) -> Self {
        Self { to: to.to_owned(), names: Vec::new() }
    }

    pub(crate) fn show(&mut self, name: &str) {
        let (a, b) = (self.to.to_lowercase(), name.to_lowercase());
        let within = !a.is_empty() && (a.contains(&b) || b.contains(&a));
        let like = strsim::jaro_winkler(&a, &b).max(if within { 0.8 } else { 0.0 });
        if like < ALIKE || self.names.iter().any(|(_, known)| known == name) {
            return;
        }
        let place = self.names.partition_point(|(other, _)| *other >= like);
        if place < MOST {
            self.names.insert(place, (like, name.to_owned()));
            self.names.truncate(MOST);
        }
    }

    /// The nearest first.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.names.iter().map(|(_, name)| name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_kept() {
        let mut nearest = Nearest::new("main");
        for name in ["gh-pages", "master", "release/1.2", "maint", "Main"] {
            nearest.show(name);
        }
        assert_eq!(nearest.names(), ["Main", "maint", "master"]);
        let mut nearest = Nearest::new("1.2");
        for name in ["v1.2", "v1.3", "zebra"] {
            nearest.show(name);
        }
        assert_eq!(nearest.names().first(), Some(&"v1.2"));
    }
}
