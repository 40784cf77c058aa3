package main

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"couponbook/internal/postgres"
)

func restoredCommand() *cobra.Command {
	return &cobra.Command{
		Use: "restored", Short: "Make a database that was restored from a dump ready, before anything uses it", Args: cobra.NoArgs,
		Long: "A dump carries numbers of transactions that mean something else in another cluster.\n" +
			"Run it once after pg_restore; in a database that was not restored it changes nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := databaseURL()
			if err != nil {
				return err
			}
			return withDatabase(cmd.Context(), url, func(pool *pgxpool.Pool) error {
				events, err := postgres.NewStore(pool).AfterRestore(cmd.Context())
				if err == nil {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%d events are readable again\n", events)
				}
				return err
			})
		},
	}
}
