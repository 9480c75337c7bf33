//! A Dockerfile on its way through: arguments declared in every stage.
//!
//! A build argument is unknown to a stage that has no `ARG` line for it. Some older services
//! wrote these lines into the Dockerfiles of their clients, who count on it. Where one goes is
//! found by reading the Dockerfile as BuildKit does: what looks like `FROM` may be the end of a
//! long `RUN`, a line of a here-document or a comment, and a `FROM` may be spread over lines.

mod heredoc;
mod instructions;

use std::collections::BTreeSet;

use instructions::Instructions;

/// The largest Dockerfile that is read. Nobody writes one by hand that is larger.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// The same Dockerfile with an `ARG` line for each name after each `FROM`. Names are as
/// [`arg_name`](slipway_domain::arg_name) makes them.
#[must_use]
pub fn declare_args(dockerfile: &[u8], names: &BTreeSet<String>) -> Vec<u8> {
    let mut out = Vec::with_capacity(dockerfile.len());
    for instruction in Instructions::of(dockerfile) {
        out.extend_from_slice(instruction.text);
        // Where the Dockerfile ends in the middle of a FROM, nothing follows that could want
        // an argument, and a line more would become a part of it.
        if !instruction.is("FROM") || instruction.is_cut || names.is_empty() {
            continue;
        }
        if !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        for name in names {
            out.extend_from_slice(format!("ARG {name}\n").as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MARK: &str = "ARG zq_1\n";

    fn declared(dockerfile: &str) -> String {
        let names = ["zq_1".to_owned()].into();
        String::from_utf8(declare_args(dockerfile.as_bytes(), &names)).unwrap()
    }

    /// The lines that have a mark after them.
    fn marked(dockerfile: &str) -> Vec<String> {
        let out = declared(dockerfile);
        let lines: Vec<&str> = out.lines().collect();
        let pairs = lines.windows(2).filter(|pair| pair[1] == MARK.trim_end());
        pairs.map(|pair| pair[0].trim().to_owned()).collect()
    }

    #[test]
    fn after_every_from() {
        let names = ["B".to_owned(), "A_1".to_owned()].into();
        let text = "ARG V=1\nFROM a:${V} AS one\nRUN x\n\n  from b\nCOPY --from=one / /\n";
        assert_eq!(
            String::from_utf8(declare_args(text.as_bytes(), &names)).unwrap(),
            "ARG V=1\nFROM a:${V} AS one\nARG A_1\nARG B\nRUN x\n\n  from b\nARG A_1\nARG B\n\
             COPY --from=one / /\n"
        );
        assert_eq!(declare_args(text.as_bytes(), &BTreeSet::new()), text.as_bytes());
    }

    #[test]
    fn however_a_from_is_written() {
        for from in [
            "FROM x",
            "from x",
            "\t FrOm\tx",
            "FROM --platform=linux/amd64 x AS y",
            "FROM \\\n  x \\\n # a comment between\n\n  AS y",
            "FR\\\nOM x",
            "FROM x\r",
            "\u{feff}FROM x",
            "# escape=`\nFROM `\n x",
            "#Escape = ` \r\nFROM ` \r\n x",
            "# syntax=docker/dockerfile:1\n# escape=`\n\nFROM `\n x",
            "#\n# escape=`\nRUN a `\nFROM x",
            "RUN echo a\\\\\nFROM x",
        ] {
            let out = declared(&format!("{from}\nRUN y\n"));
            assert_eq!(out, format!("{from}\n{MARK}RUN y\n"), "{from:?}");
        }
        assert_eq!(declared("FROM x"), format!("FROM x\n{MARK}"));
        assert_eq!(declared("FROM x \\"), "FROM x \\");
        assert_eq!(declared("FROM x \\\n# no more\n"), "FROM x \\\n# no more\n");
    }

    #[test]
    fn what_only_looks_like_one() {
        for other in [
            "# FROM x",
            "RUN a \\\n  && b \\\n# FROM x\n\nFROM x",
            "RUN a \\\nFROM x",
            "FROMAGE x",
            "RUN FROM x",
            "ONBUILD RUN <<E\nFROM x\nE",
            "RUN <<EOF\nFROM x\nEOF",
            "RUN <<-EOF\nFROM x\n\t\tEOF",
            "RUN <<'E F'\nFROM x\nE F",
            "RUN 3<<\"EOF\" cat\nFROM x\nEOF\r",
            "COPY <<a <<b /\nFROM x\nb\nFROM y\na\nFROM x\nb",
            "ADD --chmod=1 <<EOF /\nFROM x\nEOF",
            "RUN <<EOF",
            "RUN <<EOF\nFROM x\n EOF\n",
            "run cat \\\n  <<EOF\nFROM x\nEOF",
            "# escape=`\nRUN a `\nFROM x",
        ] {
            assert_eq!(marked(other), [""; 0], "{other:?}");
        }
        for (text, line) in [
            ("RUN <<EOF\nFROM x\nEOF\nFROM y", "FROM y"),
            ("RUN cat<<EOF\nFROM x", "FROM x"),
            ("RUN [\"cat\", \"<<EOF\"]\nFROM x", "FROM x"),
            ("RUN echo '<<EOF'\nFROM x", "FROM x"),
            ("ENV A=<<EOF\nFROM x", "FROM x"),
            ("RUN echo 1 <<< EOF\nFROM x", "FROM x"),
            ("RUN echo \"<<EOF\nFROM x", "FROM x"),
            ("RUN << EOF\nFROM x", "FROM x"),
        ] {
            assert_eq!(marked(text), [line], "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let names = ["A".to_owned()].into();
        let text = b"\xff\xfe\nFROM \xff\n\xc0\0\n";
        assert_eq!(declare_args(text, &names), b"\xff\xfe\nFROM \xff\nARG A\n\xc0\0\n");
    }

    fn piece() -> impl Strategy<Value = String> {
        let fixed = [
            "FROM a",
            "from b AS c",
            "RUN x",
            "RUN x \\",
            "\\",
            "# c",
            "# escape=`",
            "`",
            "a `",
            "RUN <<E",
            "E",
            "\tE",
            "RUN <<-'E' <<F",
            "F",
            "",
            " ",
            "FROM",
            "FROM \\",
            "ARG q",
            "\r",
            "\u{feff}",
            "COPY <<E /",
            "\"",
            "'",
            "ONBUILD RUN <<E",
        ];
        prop_oneof![
            4 => prop::sample::select(fixed.map(str::to_owned).to_vec()),
            1 => "[ -~]{0,12}",
        ]
    }

    proptest! {
        /// Nothing is lost or changed: without the lines that were added it is what it was.
        #[test]
        fn only_lines_are_added(
            pieces in prop::collection::vec(piece(), 0..12),
            end in prop::bool::ANY,
        ) {
            let mut text = pieces.join("\n");
            if end {
                text.push('\n');
            }
            let out = declared(&text);
            let without: String = out.split_inclusive('\n').filter(|line| *line != MARK).collect();
            prop_assert!(without == text || without == format!("{text}\n"), "{out:?}");
            // Read again, each is an instruction of its own that follows a FROM.
            let kinds: Vec<(bool, bool)> = Instructions::of(out.as_bytes())
                .filter(|instruction| !instruction.is(""))
                .map(|one| (one.is("FROM") && !one.is_cut, one.text.ends_with(MARK.as_bytes())))
                .collect();
            let froms = kinds.iter().filter(|(from, _)| *from).count();
            prop_assert_eq!(froms, out.matches(MARK).count(), "{:?}", out);
            for pair in kinds.windows(2) {
                prop_assert!(pair[0].0 == pair[1].1, "{:?}", out);
            }
        }

        #[test]
        fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let names = ["A".to_owned()].into();
            prop_assert!(declare_args(&bytes, &names).len() >= bytes.len());
            prop_assert_eq!(declare_args(&bytes, &BTreeSet::new()), bytes);
        }
    }
}
