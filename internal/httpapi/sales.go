package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

type saleBody struct {
	ID                    uuid.UUID        `json:"id" doc:"of the book"`
	Name                  string           `json:"name"`
	Description           string           `json:"description"`
	Phase                 coupon.SalePhase `json:"phase" enum:"coming,open,sold_out,paused,ended"`
	StartsAt              *time.Time       `json:"starts_at"`
	EndsAt                *time.Time       `json:"ends_at"`
	MaxAssignmentsPerUser *int             `json:"max_assignments_per_user" doc:"null: no limit"`
	Held                  int              `json:"held" doc:"coupons of it that you have or had; they count towards the limit"`
	Benefit               object           `json:"benefit" nullable:"true" doc:"what a coupon is worth"`
	Now                   time.Time        `json:"now" doc:"the server's clock, for countdowns"`
}

func newSaleBody(s coupon.Sale) saleBody {
	return saleBody{
		s.ID, s.Name, s.Description, s.Phase(), s.StartsAt, s.EndsAt, s.MaxAssignmentsPerUser, s.Held, object(s.Benefit), s.Now,
	}
}

type saleResponse struct{ Body saleBody }

// getSale reads a book as those see it who may claim from it.
func (a *API) getSale(ctx context.Context, in *ByID) (*saleResponse, error) {
	sale, err := a.Service.Sale(ctx, principalOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &saleResponse{newSaleBody(sale)}, nil
}

type listSalesRequest struct{ Paging }

type salesResponse struct{ Body page[saleBody] }

// listSales lists open sales and then the coming ones.
func (a *API) listSales(ctx context.Context, in *listSalesRequest) (*salesResponse, error) {
	var after coupon.SalePlace
	if err := a.Cursors.read("sales", in.Cursor, &after); err != nil {
		return nil, err
	}
	sales, err := a.Service.Sales(ctx, principalOf(ctx), after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "sales", sales, in.Limit, newSaleBody,
		func(s coupon.Sale) any { return coupon.SalePlace{StartsAt: s.StartsAt, ID: &s.ID} })
	return &salesResponse{body}, err
}
