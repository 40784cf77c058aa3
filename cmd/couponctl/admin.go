package main

import (
	"bufio"
	"errors"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

func adminCommand() *cobra.Command {
	admin := &cobra.Command{Use: "admin", Short: "Manage administrators"}
	var account service.Account
	create := &cobra.Command{
		Use: "create", Short: "Make an administrator; asks for the password, or reads it from standard input", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := databaseURL()
			if err != nil {
				return err
			}
			if account.Password, err = readPassword(cmd); err != nil {
				return err
			}
			account.Role = coupon.Admin
			return withDatabase(cmd.Context(), url, func(pool *pgxpool.Pool) error {
				passwords, err := auth.NewPasswords()
				if err != nil {
					return err
				}
				user, err := service.NewAccountsOffline(postgres.NewStore(pool), passwords).Register(cmd.Context(), account)
				if err != nil {
					return explain(err)
				}
				cmd.Printf("administrator %s made (%s)\n", *user.Email, user.ID)
				return nil
			})
		},
	}
	create.Flags().StringVar(&account.Email, "email", "", "e-mail to sign in with")
	create.Flags().StringVar(&account.Name, "name", "", "name to show")
	_ = create.MarkFlagRequired("email")
	admin.AddCommand(create)
	return admin
}

// readPassword never takes it from the command line, where others can see it.
func readPassword(cmd *cobra.Command) (string, error) {
	if input := int(os.Stdin.Fd()); term.IsTerminal(input) {
		cmd.Print("Password: ")
		password, err := term.ReadPassword(input)
		cmd.Println()
		return string(password), err
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.Join(errors.New("no password on standard input"), err)
	}
	return line, nil
}

// explain adds the faults of an input to its error.
func explain(err error) error {
	var known *coupon.Error
	if !errors.As(err, &known) || len(known.Fields) == 0 {
		return err
	}
	faults := make([]string, len(known.Fields))
	for i, field := range known.Fields {
		faults[i] = strings.TrimPrefix(field.Pointer, "/") + " " + field.Detail
	}
	return errors.New(strings.Join(faults, "; "))
}
