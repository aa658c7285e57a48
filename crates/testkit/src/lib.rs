//! A whole server in this process, one client per dialect, and transcripts.
