package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// JobRows is a table of rows that jobs need for a while.
type JobRows string

// The tables.
const (
	ImportRows       JobRows = "import_rows"
	MemberRows       JobRows = "member_rows"
	ExportRows       JobRows = "export_rows"
	DistributionRows JobRows = "distribution_rows"
)

// DropRows forgets up to limit rows of a job, and returns how many.
func (s *Store) DropRows(ctx context.Context, table JobRows, jobID uuid.UUID, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, `
		DELETE FROM `+string(table)+`
		WHERE job_id = @job_id AND n < (SELECT min(n) FROM `+string(table)+` WHERE job_id = @job_id) + @limit`,
		pgx.StrictNamedArgs{"job_id": jobID, "limit": limit})
	return int(tag.RowsAffected()), err
}

// OldRows returns jobs whose rows nobody needs any more: they have ended longer
// ago than kept, and nobody carries their plan out; or they do not exist and
// will not, since the rows are older than abandoned. Those of a job that broke
// are kept for a week: it may be retried.
func (s *Store) OldRows(ctx context.Context, table JobRows, kept, abandoned time.Duration) ([]uuid.UUID, error) {
	// From job to job along the primary key: the cost is their number.
	// An id of version 7 tells when it was made.
	rows, _ := s.db.Query(ctx, `
		WITH RECURSIVE found AS (
			(SELECT job_id FROM `+string(table)+` ORDER BY job_id LIMIT 1)
			UNION ALL
			SELECT (SELECT r.job_id FROM `+string(table)+` r WHERE r.job_id > found.job_id ORDER BY r.job_id LIMIT 1)
			FROM found WHERE found.job_id IS NOT NULL)
		SELECT f.job_id FROM found f LEFT JOIN jobs j ON j.id = f.job_id
		WHERE f.job_id IS NOT NULL
		  AND CASE WHEN j.id IS NULL THEN f.job_id < @before 
		           ELSE j.finished_at <= clock_timestamp() - CASE j.error_code WHEN 'internal' THEN greatest(@kept::interval, '7 days') ELSE @kept END END
		  AND NOT EXISTS (SELECT FROM distributions d JOIN jobs run ON run.id = d.job_id WHERE d.plan_id = f.job_id AND run.finished_at IS NULL)`,
		pgx.StrictNamedArgs{"before": firstIDOf(time.Now().Add(-abandoned)), "kept": kept})
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// firstIDOf is the lowest UUID of version 7 that an instant can have.
func firstIDOf(at time.Time) (id uuid.UUID) {
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}
