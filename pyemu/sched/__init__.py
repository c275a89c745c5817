"""The scheduler: applies effects to the state, decides who runs next, records what happened."""
