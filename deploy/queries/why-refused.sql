-- Why was I refused? The last twenty jobs for somebody, who is named by his e-mail or your id of him:
--   psql "$DATABASE_URL" -v who=customer-42 -f deploy/queries/why-refused.sql
SELECT job.created_at, job.kind, book.name AS book, job.status, job.error_code, job.error_detail, job.finished_at, job.id AS job
FROM jobs job
JOIN users person ON person.id = job.user_id
LEFT JOIN books book ON book.id = job.book_id
WHERE person.email = lower(:'who') OR person.external_id = :'who'
ORDER BY job.id DESC
LIMIT 20;
