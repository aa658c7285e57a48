//! The Bus port: how committed events reach every node's hub.
