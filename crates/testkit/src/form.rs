//! Forms with files, as browsers send them (`multipart/form-data`, RFC 7578).

use http::header;

use crate::http::HttpRequest;

const BOUNDARY: &str = "----tertulia-test";

/// A picture: one red pixel.
pub const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x64, 0xf8, 0xcf, 0x50,
    0x0f, 0x00, 0x03, 0x86, 0x01, 0x80, 0x5a, 0x34, 0x7d, 0x6b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// The least that is taken for a PDF document.
pub const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n";

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

    /// With a file of which no more is said than that it is bytes
    /// (`application/octet-stream`).
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
