// Command couponctl is the tool of operators and developers.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// errAnomalies ends the program with status 1 after it has said what is wrong.
var errAnomalies = errors.New("not everything is as it must be, see above")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	root := &cobra.Command{
		Use:           "couponctl",
		Short:         "Run, fill, test and check couponbook",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(devCommand(), servicesCommand(), migrateCommand(), seedCommand(), adminCommand(),
		flashSaleCommand(), showcaseCommand(), listenCommand(), tortureCommand(), verifyCommand(), restoredCommand(), healthCommand(), configCommand())
	err := root.ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "couponctl:", err)
		os.Exit(1)
	}
}
