//! A template and the values of a request become a source.
//!
//! A value never stands in the Dockerfile. `environment` goes beside it as build arguments of
//! our own names, and `ENV K="${SLIPWAY_ENV_K}"` takes them from there: what a builder puts in
//! for a variable it does not read again, so a quote ends nothing, a newline begins no
//! instruction, and `$(…)`, `${X}` and backslashes arrive as they are. `ENV` has no way to
//! write a newline, so no escaping could do the same.
//!
//! Names are written down as they are, and so they have to be names of variables.

use std::collections::BTreeMap;

use slipway_domain::{FieldError, Source};

use super::Template;
use super::dockerfile::{CARRIER, is_variable};

/// The field of the native API that the environment stands in.
pub(crate) const ENVIRONMENT: &str = "source.environment";
const MAX_ENTRIES: usize = 100;
/// They travel in the query of a URL, which has room for three times as much.
const MAX_BYTES: usize = 16 * 1024;

/// What a request brings for a template.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    /// What the application finds in its environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Build arguments.
    pub(crate) args: BTreeMap<String, String>,
    /// Text by path, over the sample.
    pub(crate) files: BTreeMap<String, String>,
}

/// A template that was filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The Dockerfile and all files beside it.
    pub(crate) source: Source,
    /// The build arguments of the request, and those that carry its environment.
    pub(crate) args: BTreeMap<String, String>,
}

impl Template {
    /// Fills the gaps.
    pub(crate) fn fill(&self, values: Values) -> Result<Filled, FieldError> {
        let Values { environment, mut args, files } = values;
        check_names(ENVIRONMENT, &environment)?;
        check_names("args", &args)?;
        if environment.len() > MAX_ENTRIES
            || environment.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
                > MAX_BYTES
        {
            return Err(FieldError::new(ENVIRONMENT, "has more than 100 values or 16 KiB")
                .hint("put large values into a file"));
        }
        let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
        let (build_args, variables) = (names(&args), names(&environment));
        let content = self
            .dockerfile
            .text(build_args.iter().map(String::as_str), variables.iter().map(String::as_str));
        for (name, value) in environment {
            if value.contains('\0') {
                return Err(FieldError::new(format!("{ENVIRONMENT}.{name}"), "holds a NUL"));
            }
            args.insert(format!("{CARRIER}{name}"), value);
        }
        let files = self.with_sample(files)?;
        let template = Some(self.name.clone());
        Ok(Filled { source: Source::Dockerfile { content, files, template }, args })
    }

    /// The files of a request over those of the sample.
    fn with_sample(
        &self,
        brought: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, FieldError> {
        let mut files = self.files.clone();
        for (path, text) in brought {
            // As samples are written, so that `./app.py` is `app.py`.
            let words: Vec<&str> =
                path.split('/').filter(|word| !matches!(*word, "" | ".")).collect();
            let place = if path.starts_with('/') { path.clone() } else { words.join("/") };
            if place == "Dockerfile" {
                return Err(FieldError::new(
                    "source.files",
                    "has a Dockerfile, and so has the template",
                )
                .hint("build a Dockerfile of your own as a source of type dockerfile"));
            }
            files.insert(place, text);
        }
        Ok(files)
    }
}

/// Names are never quoted: one may be the value, in the wrong place.
fn check_names(field: &str, given: &BTreeMap<String, String>) -> Result<(), FieldError> {
    if given.keys().any(|name| !is_variable(name)) {
        return Err(FieldError::new(field, "has a name that is none of a variable")
            .hint("a name is 1 to 128 letters, digits and underscores, and begins with no digit"));
    }
    if given.keys().any(|name| name.starts_with(CARRIER)) {
        let message = format!("has a name that begins with {CARRIER}, which templates need");
        return Err(FieldError::new(field, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use slipway_domain::BuildSpecDraft;

    use super::*;
    use crate::templates::{TemplateSettings, Templates};

    fn template(name: &str) -> Template {
        let templates = Templates::open(&TemplateSettings::default()).unwrap();
        templates.find(name).unwrap().clone()
    }

    fn content(filled: &Filled) -> &str {
        let Source::Dockerfile { content, .. } = &filled.source else {
            panic!("{:?}", filled.source)
        };
        content
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// What values have in them that means something somewhere.
    fn value() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            Just("\"".to_owned()),
            Just("'".to_owned()),
            Just("\n".to_owned()),
            Just("\r\n".to_owned()),
            Just("\\".to_owned()),
            Just("\\\n".to_owned()),
            Just("$(id)".to_owned()),
            Just("`id`".to_owned()),
            Just("${PATH}".to_owned()),
            Just("$HOME".to_owned()),
            Just("\nRUN touch /owned\n".to_owned()),
            Just("# escape=`\n".to_owned()),
            Just("{{environment}}".to_owned()),
            Just("<<EOF".to_owned()),
            any::<char>().prop_filter("NUL is refused", |c| *c != '\0').prop_map(String::from),
        ];
        vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
    }

    fn variables() -> impl Strategy<Value = BTreeMap<String, String>> {
        btree_map("[A-Za-z_][A-Za-z0-9_]{0,10}", value(), 0..6)
    }

    proptest! {
        #[test]
        fn no_value_is_in_the_dockerfile(environment in variables(), args in variables()) {
            let template = template("python-flask");
            let empty = |of: &BTreeMap<String, String>| {
                of.keys().map(|name| (name.clone(), String::new())).collect::<BTreeMap<_, _>>()
            };
            let without = Values {
                environment: empty(&environment),
                args: empty(&args),
                ..Values::default()
            };
            let without = template.fill(without).unwrap();
            let values =
                Values { environment: environment.clone(), args: args.clone(), ..Values::default() };
            let filled = template.fill(values).unwrap();
            prop_assert_eq!(content(&filled), content(&without));
            prop_assert_eq!(filled.args.len(), environment.len() + args.len());
            for (name, value) in &environment {
                prop_assert_eq!(&filled.args[&format!("{CARRIER}{name}")], value);
            }
            for (name, value) in &args {
                prop_assert_eq!(&filled.args[name], value);
            }
        }

        #[test]
        fn a_name_is_one_or_is_refused(name in ".{1,12}|[A-Z]{1,4}[ =\"\\\\\n$;#]RUN") {
            let template = template("nodejs");
            let plain = template.fill(Values::default()).unwrap();
            for environment in [true, false] {
                let given = pairs(&[(&name, "x")]);
                let values = match environment {
                    true => Values { environment: given, ..Values::default() },
                    false => Values { args: given, ..Values::default() },
                };
                let Ok(filled) = template.fill(values) else { continue };
                prop_assert!(is_variable(&name));
                let more = content(&filled).lines().count() - content(&plain).lines().count();
                prop_assert_eq!(more, if environment { 2 } else { 1 });
            }
        }
    }

    #[test]
    fn what_comes_of_it() {
        let values = Values {
            environment: pairs(&[("GREETING", "say \"hi\"\nRUN rm -rf /"), ("B", "${PATH}")]),
            args: pairs(&[("PIP_INDEX_URL", "https://pypi.example/simple")]),
            files: pairs(&[("./app.py", "app = 1\n"), ("static/a.css", "")]),
        };
        let filled = template("python-flask").fill(values).unwrap();
        insta::assert_snapshot!(content(&filled), @r#"
        FROM python:3.11-slim
        ARG PIP_INDEX_URL
        WORKDIR /app
        # The server is the template's, so that a request may bring a requirements.txt of its own.
        COPY requirements.txt ./
        RUN pip install --no-cache-dir --root-user-action=ignore gunicorn==27.0.1 --requirement requirements.txt
        COPY . .
        # What the application gets, and no step before this: another value keeps the cache.
        ARG SLIPWAY_ENV_B
        ARG SLIPWAY_ENV_GREETING
        ENV B="${SLIPWAY_ENV_B}" GREETING="${SLIPWAY_ENV_GREETING}"
        EXPOSE 5000
        USER 65534:65534
        CMD ["gunicorn", "--bind", "0.0.0.0:5000", "--worker-tmp-dir", "/dev/shm", "app:app"]
        "#);
        let Source::Dockerfile { files, .. } = &filled.source else { panic!() };
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["app.py", "requirements.txt", "static/a.css"]
        );
        assert_eq!(files["app.py"], "app = 1\n");
        assert!(BuildSpecDraft::new("app", filled.source).parse().is_ok());
    }

    #[test]
    fn what_is_refused() {
        let refused = |values: Values| {
            let filled = template("nodejs").fill(values);
            let checked =
                filled.and_then(|filled| BuildSpecDraft::new("app", filled.source).parse());
            checked.unwrap_err().to_string()
        };
        let environment = |name: &str, value: &str| Values {
            environment: pairs(&[(name, value)]),
            ..Values::default()
        };
        let file = |path: &str| Values { files: pairs(&[(path, "")]), ..Values::default() };
        let args = |name: &str| Values { args: pairs(&[(name, "")]), ..Values::default() };
        let many = Values {
            environment: (0..101).map(|n| (format!("V{n}"), String::new())).collect(),
            ..Values::default()
        };
        let table = [
            refused(environment("A B", "")),
            refused(environment("A", "\0")),
            refused(environment("SLIPWAY_ENV_A", "")),
            refused(environment("A", &"x".repeat(16 * 1024))),
            refused(many),
            refused(args("a-b")),
            refused(file("../x")),
            refused(file("/etc/passwd")),
            refused(file("a/../../x")),
            refused(file("./Dockerfile")),
            refused(file("server.js/x")),
            refused(file("")),
        ];
        insta::assert_snapshot!(table.join("\n"), @r#"
        source.environment: has a name that is none of a variable
        source.environment.A: holds a NUL
        source.environment: has a name that begins with SLIPWAY_ENV_, which templates need
        source.environment: has more than 100 values or 16 KiB
        source.environment: has more than 100 values or 16 KiB
        args: has a name that is none of a variable
        source.files: has "../x", which leaves the build context
        source.files: has "/etc/passwd", which is not a path within the build context, such as conf/app.toml
        source.files: has "a/../../x", which leaves the build context
        source.files: has a Dockerfile, and so has the template
        source.files: has "server.js/x" below "server.js", which is a file
        source.files: has "", which names no file
        "#);
    }
}
