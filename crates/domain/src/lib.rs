//! What a chat is: rooms, messages, events, policy and the use cases.
