package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"couponbook/internal/postgres"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the database schema up to date", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := databaseURL()
			if err != nil {
				return err
			}
			applied, err := migrate(cmd.Context(), url)
			if err == nil {
				cmd.Printf("%d migrations applied\n", applied)
			}
			return err
		},
	}
}

func migrate(ctx context.Context, url string) (applied int, err error) {
	err = withDatabase(ctx, url, func(pool *pgxpool.Pool) error {
		migrator, err := postgres.NewMigrator(pool)
		if err != nil {
			return err
		}
		applied, err = migrator.Up(ctx)
		if err != nil {
			err = fmt.Errorf("migrate: %w", err)
		}
		return errors.Join(err, migrator.Close())
	})
	return applied, err
}
