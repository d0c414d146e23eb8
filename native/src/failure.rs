//! Why a piece of work could not be done, in a form that TypeScript turns back into its own error classes.

use std::any::Any;

/// A failure with a stable code. It crosses to JavaScript as an `Error` whose message is `code: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// What a caught panic said. Reaching this is a defect of the engine, never of its input.
    pub fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Self::new("internal", format!("the native engine panicked: {text}"))
    }
}

impl From<Failure> for napi::Error {
    fn from(failure: Failure) -> Self {
        napi::Error::from_reason(format!("{}: {}", failure.code, failure.message))
    }
}
