package postgres

// NewStoreOn makes a store on one connection, whose work a test counts.
func NewStoreOn(db DBTX) *Store { return &Store{db: db} }
