package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"couponbook/internal/torture"
)

// errTorture makes the exit status 1; the report has told why.
var errTorture = errors.New("the torture test found something: see the report")

func tortureCommand() *cobra.Command {
	o := torture.Options{}
	var report string
	cmd := &cobra.Command{
		Use: "torture", Short: "Load an installation of its own, break everything in it, and check every promise", Args: cobra.NoArgs,
		Long: "Starts a Postgres, a Redis, API and worker processes of its own in a temporary directory, lets clients claim, lock, redeem,\n" +
			"roll back, cancel, distribute and upload, and kills, pauses, empties and cuts off what they work with. At the end it\n" +
			"compares what clients were promised with the database and with what a webhook receiver got. The exit status is 1 when\n" +
			"a promise was broken, a fault hit nothing, or claims were decided again later than 15 seconds after a fault.\n\n" +
			"Scenarios: " + strings.Join(torture.Scenarios(), ", ") + ".\n" +
			"Rules that --break breaks, to see that the check is not blind: " + strings.Join(torture.Rules(), ", ") + ".",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return tortured(cmd.Context(), cmd.OutOrStdout(), o, report)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.For, "for", 2*time.Minute, "how long faults are injected")
	f.Uint64Var(&o.Seed, "seed", 0, "repeats the choices of a run; 0: new ones")
	f.IntVar(&o.People, "people", 100, "clients at a time")
	f.IntVar(&o.APIs, "apis", 2, "API processes")
	f.IntVar(&o.Workers, "workers", 2, "worker processes")
	f.StringVar(&o.Scenario, "scenario", "", "inject this fault, once")
	f.DurationVar(&o.Hold, "hold", 0, "how long each fault lasts (default: some seconds, by chance)")
	f.StringVar(&o.Break, "break", "", "break a rule of the product, which the check must find")
	f.StringVar(&report, "report", "", "write the report as JSON to this file")
	return cmd
}

func tortured(ctx context.Context, out io.Writer, o torture.Options, file string) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o.Bin, o.Log = filepath.Dir(self), out
	if o.Seed == 0 {
		o.Seed = uint64(rand.Uint32()) //nolint:gosec // chooses what to break
	}
	if o.Dir, err = os.MkdirTemp("", "couponbook-torture-"); err != nil {
		return err
	}
	say(out, "seed %d; logs in %s, until it ends well", o.Seed, o.Dir)
	report, err := torture.Run(ctx, o)
	if err != nil {
		return err
	}
	report.Print(out)
	if file != "" {
		data, err := json.MarshalIndent(report, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(data, '\n'), 0o600)
		}
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if !report.Passed() {
		return errTorture
	}
	return os.RemoveAll(o.Dir)
}
