package coupon

import "slices"

// EventInfo describes a type of events: what it means, and what its data is.
type EventInfo struct {
	Type    EventType
	Meaning string // when it happens
	Data    any    // a zero value of the shape of its data
	Direct  bool   // it goes to the endpoint that it is about, whatever that asked for
}

// EventTypes lists the events there are; docs/events.md and GET event-types are
// made from it.
func EventTypes() []EventInfo { return slices.Clone(eventTypes) }

var eventTypes = []EventInfo{
	{CouponAssigned, "Somebody got coupons: by a claim, an assign, a distribution or an upload.", CouponsData{}, false},
	{CouponLocked, "A coupon is held for a purchase.", CouponsData{}, false},
	{CouponLockExtended, "The hold on a coupon was made longer.", CouponsData{}, false},
	{CouponLockExpired, "The hold on a coupon ran out.", CouponsData{}, false},
	{CouponUnlocked, "The hold on a coupon was let go.", CouponsData{}, false},
	{CouponRedeemed, "A coupon was used once.", CouponsData{}, false},
	{CouponRolledBack, "A use of a coupon was given back.", CouponsData{}, false},
	{CouponRevoked, "Coupons were taken back into the stock.", CouponsData{}, false},
	{CouponExpired, "The time of coupons that had a holder was over.", CouponsData{}, false},
	{CouponVoided, "Coupons were killed for good.", CouponsData{}, false},
	{CouponDisabled, "A coupon is not given out and cannot be used.", CouponsData{}, false},
	{CouponEnabled, "A disabled coupon is as it was before.", CouponsData{}, false},

	{CodesAdded, "Codes came into a book.", CodesAddedData{}, false},
	{CodesExported, "A file of a book's codes was made.", CodesExportedData{}, false},
	{BookActivated, "A book opened for claims.", BookData{}, false},
	{BookPaused, "A book was paused.", BookData{}, false},
	{BookClosed, "A book was closed for good.", BookData{}, false},
	{BookArchived, "A book was taken out of the lists.", BookData{}, false},
	{BookLowStock, "The free codes of an active book have become few; once, until there are more again.", LowStockData{}, false},
	{BookEndingSoon, "An active book ends soon.", EndingSoonData{}, false},

	{JobSucceeded, "A job has done all it was asked for.", JobData{}, false},
	{JobPartly, "A bulk job has ended, and some of its items failed.", JobData{}, false},
	{JobFailed, "A job has ended without doing what it was asked for.", JobData{}, false},
	{JobCanceled, "A job was ended where it was.", JobData{}, false},

	{JobRetried, "A job that failed by our fault is tried again; its end is told again, too.", JobData{}, false},

	{DistributionStarted, "A distribution has planned and begins to give coupons out.", DistributionData{}, false},
	{DistributionProgress, "A distribution goes on; at most once a second.", DistributionData{}, false},
	{DistributionPaused, "A distribution was paused.", DistributionData{}, false},
	{DistributionResumed, "A paused distribution goes on.", DistributionData{}, false},
	{DistributionCompleted, "A distribution has come to its end.", DistributionData{}, false},
	{DistributionCanceled, "A distribution was ended where it was.", DistributionData{}, false},
	{DistributionRecalled, "What a distribution gave out was taken back.", RecalledData{}, false},

	{APIKeyCreated, "An API key was made.", APIKeyData{}, false},
	{APIKeyRotated, "An API key has a new secret; the old one works for a while.", APIKeyData{}, false},
	{APIKeyRevoked, "An API key was ended.", APIKeyData{}, false},
	{RefreshTokenReused, "A refresh token came twice, so somebody has stolen it: its session was ended.", SecurityData{}, false},
	{CodeGuessing, "Somebody has tried too many codes that are not his; at most once an hour.", SecurityData{}, false},

	{EndpointFailing, "An endpoint fails: it is so many percent on its way to being disabled.", EndpointData{}, false},
	{EndpointWasDisabled, "An endpoint is sent nothing any more.", EndpointData{}, false},
	{EndpointWasEnabled, "An endpoint is sent events again.", EndpointData{}, false},
	{EndpointSecretRotated, "An endpoint has a new secret.", EndpointData{}, false},
	{WebhookTest, "Somebody tests an endpoint.", EndpointData{}, true},
}
