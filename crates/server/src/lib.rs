//! The program: settings, wiring, listeners, telemetry and commands.
