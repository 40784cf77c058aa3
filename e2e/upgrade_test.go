package e2e

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A release: the schema of the next one comes while a sale goes on. Programs of
// this one go on, and can be started anew, as in a roll back; until the schema
// says that it serves them no more.
func TestANewSchemaUnderOldPrograms(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	var sale sync.WaitGroup
	sale.Go(func() { h.sale(t, 1000, 100) })
	_, err := h.pool.Exec(t.Context(), `
		ALTER TABLE jobs ADD COLUMN of_the_next_release integer;
		ALTER TABLE coupons ADD COLUMN of_the_next_release text DEFAULT 'x';
		ALTER TABLE events ADD COLUMN of_the_next_release jsonb;
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	require.NoError(t, err)
	sale.Wait()
	h.apis = append(h.apis, h.startAPI(t))
	h.addWorkers(t, 1)
	h.sale(t, 1000, 100)
	for _, p := range append(h.apis, h.workers...) {
		p.ready(t)
	}
	h.verify(t)

	_, err = h.pool.Exec(t.Context(), `UPDATE schema_floor SET version = 99999`)
	require.NoError(t, err)
	refused := h.launch(t, "worker")
	<-refused.ended
	require.Error(t, refused.err)
}
