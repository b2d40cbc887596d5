//! Records of whole texts in CSV or TSV (RFC 4180): quotations, line breaks inside fields, a byte order mark.
//!
//! It does not know what the columns mean. Foreign files, of other encodings and any size, are read row by row by
//! mappings.

/// A record of CSV with the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// From 1.
    pub line: u64,
    /// Its fields.
    pub fields: Vec<String>,
}

/// Splits text by RFC 4180, with `delimiter` between fields.
///
/// # Errors
/// The line on which a quotation begins that never ends.
pub fn split_delimited(text: &str, delimiter: char) -> Result<Vec<Record>, u64> {
    let mut records = Vec::new();
    let (mut fields, mut field) = (Vec::new(), String::new());
    let (mut line, mut begins) = (1, 1);
    let mut quoted = false;
    let mut chars = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .chars()
        .peekable();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line += 1;
        }
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            (true, '"') => quoted = false,
            (true, c) => field.push(c),
            (false, '"') if field.is_empty() => quoted = true,
            (false, c) if c == delimiter => fields.push(std::mem::take(&mut field)),
            (false, '\r') if chars.peek() == Some(&'\n') => {}
            (false, '\n') => {
                fields.push(std::mem::take(&mut field));
                let fields = std::mem::take(&mut fields);
                if fields.iter().any(|field| !field.is_empty()) {
                    records.push(Record {
                        line: begins,
                        fields,
                    });
                }
                begins = line;
            }
            (false, c) => field.push(c),
        }
    }
    if quoted {
        return Err(begins);
    }
    if !field.is_empty() || !fields.is_empty() {
        fields.push(field);
        records.push(Record {
            line: begins,
            fields,
        });
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_and_lines_are_read() {
        let records = split_delimited(
            "\u{feff}id,question\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n2,d",
            ',',
        )
        .unwrap();
        let seen: Vec<_> = records
            .iter()
            .map(|r| (r.line, r.fields.join("|")))
            .collect();
        assert_eq!(
            seen,
            [
                (1, "id|question".into()),
                (2, "1|a, \"b\"\nc".into()),
                (5, "2|d".into())
            ]
        );
        assert_eq!(split_delimited("a\n\"b", ',').err(), Some(2));
    }
}
