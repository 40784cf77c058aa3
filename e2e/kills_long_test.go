//go:build long

package e2e

const distributionKills = 100
