//! Forms with files, as browsers send them (`multipart/form-data`, RFC 7578).

use http::header;

use crate::http::HttpRequest;

const BOUNDARY: &str = "----tertulia-test";

/// A form about to be sent.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<u8>);

impl Form {
    /// With a field that is no file.
    #[must_use]
    pub fn text(mut self, field: &str, text: &str) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"");
        self.0.extend_from_slice(head.as_bytes());
        self.part("\r\n\r\n", text.as_bytes())
    }

    /// With a file, of whose type nothing is said.
    #[must_use]
    pub fn file(self, field: &str, name: &str, content: &[u8]) -> Self {
        self.typed_file(field, name, "application/octet-stream", content)
    }

    /// With a file of which this type is said.
    #[must_use]
    pub fn typed_file(mut self, field: &str, name: &str, said: &str, content: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\""
        );
        self.0.extend_from_slice(head.as_bytes());
        self.part(&format!("\r\nContent-Type: {said}\r\n\r\n"), content)
    }

    fn part(mut self, head_end: &str, content: &[u8]) -> Self {
        self.0.extend_from_slice(head_end.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }
}

impl HttpRequest {
    /// With a form.
    #[must_use]
    pub fn form(self, form: Form) -> Self {
        let mut body = form.0;
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.header(header::CONTENT_TYPE, &content_type).body(body)
    }
}
