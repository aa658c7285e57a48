//! The Store port over SQLite, through one seam.
