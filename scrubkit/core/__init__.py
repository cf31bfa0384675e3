"""The ground: tasks, features and sites, which everything else speaks of."""
