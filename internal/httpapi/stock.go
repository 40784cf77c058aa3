package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"
)

type stockBody struct {
	BookID     uuid.UUID  `json:"book_id"`
	Name       string     `json:"name"`
	Total      int64      `json:"total" doc:"coupons ever made"`
	Free       int64      `json:"free" doc:"nobody has them yet"`
	EndsAt     *time.Time `json:"ends_at"`
	Low        bool       `json:"low" doc:"as the book's settings call it"`
	EndingSoon bool       `json:"ending_soon" doc:"likewise"`
}

type stockResponse struct {
	Body struct {
		Data []stockBody `json:"data" doc:"at most 20 books"`
	}
}

// stock tells what the open books of the caller have left.
func (a *API) stock(ctx context.Context, _ *struct{}) (*stockResponse, error) {
	books, err := a.Service.Stock(ctx, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &stockResponse{}
	out.Body.Data = make([]stockBody, len(books))
	for i, book := range books {
		out.Body.Data[i] = stockBody(book)
	}
	return out, nil
}
