package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"couponbook/internal/postgres"
)

func verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check from the database that nothing is lost, doubled or exceeded", Args: cobra.NoArgs,
		Long: "Reads the database, and nothing else, and prints what each check looked at and found.\n" +
			"The exit status is 1 when anything is not as it must be.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := databaseURL()
			if err != nil {
				return err
			}
			return verify(cmd.Context(), cmd.OutOrStdout(), url)
		},
	}
}

// verify prints every check; it fails with errAnomalies when one found any.
func verify(ctx context.Context, w io.Writer, url string) error {
	return withDatabase(ctx, url, func(pool *pgxpool.Pool) error {
		findings, err := postgres.NewStore(pool).Verify(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		anomalies := int64(0)
		_, _ = fmt.Fprintln(table, "checked\tanomalies\t")
		for _, f := range findings {
			_, _ = fmt.Fprintf(table, "%d\t%d\t  %s", f.Checked, f.Anomalies, f.Check)
			if f.Anomalies > 0 {
				_, _ = fmt.Fprintf(table, ": %s", f.Sample)
			}
			_, _ = fmt.Fprintln(table)
			anomalies += f.Anomalies
		}
		_ = table.Flush()
		_, _ = fmt.Fprintf(w, "%d anomalies\n", anomalies)
		if anomalies > 0 {
			return errAnomalies
		}
		return nil
	})
}
