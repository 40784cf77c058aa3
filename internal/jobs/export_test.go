package jobs

// Uncancelled and Logger are what asynq is given; tests try them alone.
var Uncancelled = uncancelled

type Logger = logger
