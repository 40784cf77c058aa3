//go:build !long

package e2e

// How often the worker of a distribution is killed; `make check-long` does it
// more often.
const distributionKills = 20
