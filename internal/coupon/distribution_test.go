package coupon_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

// equal and random are terms that fail on a shortage.
func equal(perUser int) coupon.DistributionTerms {
	return coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: perUser, OnShortage: coupon.FailOnShortage}
}

func random(count int) coupon.DistributionTerms {
	return coupon.DistributionTerms{Mode: coupon.RandomMode, Count: count, OnShortage: coupon.FailOnShortage}
}

func partial(t coupon.DistributionTerms) coupon.DistributionTerms {
	t.OnShortage = coupon.PartialOnShortage
	return t
}

// How many coupons go out, in whole rounds and in the last one.
func TestDeal(t *testing.T) {
	t.Parallel()
	ten := []coupon.Capacity{{Each: 2, Recipients: 10}}
	mixed := []coupon.Capacity{{Each: 0, Recipients: 3}, {Each: 1, Recipients: 4}, {Each: 5, Recipients: 6}}
	many := []coupon.Capacity{{Each: coupon.MaxPerRecipient, Recipients: 10}}
	for name, c := range map[string]struct {
		terms      coupon.DistributionTerms
		capacities []coupon.Capacity
		free       int
		want       coupon.Deal
		code       string
	}{
		"as many for each":                       {equal(2), ten, 100, coupon.Deal{Coupons: 20, Level: 2}, ""},
		"exactly enough":                         {equal(2), ten, 20, coupon.Deal{Coupons: 20, Level: 2}, ""},
		"one too few":                            {equal(2), ten, 19, coupon.Deal{}, "distribution_shortage"},
		"one too few, partial":                   {partial(equal(2)), ten, 19, coupon.Deal{Coupons: 19, Level: 1, Extras: 9}, ""},
		"fewer than recipients":                  {partial(equal(2)), ten, 3, coupon.Deal{Coupons: 3, Extras: 3}, ""},
		"none at all":                            {partial(equal(2)), ten, 0, coupon.Deal{}, "distribution_shortage"},
		"more is reserved than is free":          {partial(equal(2)), ten, -5, coupon.Deal{}, "distribution_shortage"},
		"limits leave some less":                 {equal(5), mixed, 100, coupon.Deal{Coupons: 34, Level: 5}, ""},
		"limits leave nobody anything":           {equal(1), mixed[:1], 100, coupon.Deal{}, ""},
		"a number in all":                        {random(25), many, 100, coupon.Deal{Coupons: 25, Level: 2, Extras: 5}, ""},
		"a number that divides":                  {random(30), many, 100, coupon.Deal{Coupons: 30, Level: 3}, ""},
		"past those who can take one only":       {random(16), mixed, 100, coupon.Deal{Coupons: 16, Level: 2}, ""},
		"more than the members can take":         {random(50), mixed, 100, coupon.Deal{}, "distribution_shortage"},
		"what the members can take":              {partial(random(50)), mixed, 100, coupon.Deal{Coupons: 34, Level: 5}, ""},
		"what is free":                           {partial(random(50)), mixed, 12, coupon.Deal{Coupons: 12, Level: 1, Extras: 2}, ""},
		"more than is free":                      {random(30), mixed, 12, coupon.Deal{}, "distribution_shortage"},
		"a number, and nobody can take any":      {random(5), mixed[:1], 12, coupon.Deal{}, "distribution_shortage"},
		"a number, and nobody can, partial":      {partial(random(5)), mixed[:1], 12, coupon.Deal{}, "distribution_shortage"},
		"nobody is there and something is to go": {random(5), nil, 12, coupon.Deal{}, "distribution_shortage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deal, err := c.terms.Deal(c.capacities, c.free)
			require.Equal(t, c.want, deal)
			if c.code == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, &coupon.Error{Code: c.code})
		})
	}
}

// dealt is what each recipient gets, with the extras for the first ones who can
// take one more.
func dealt(deal coupon.Deal, capacities []coupon.Capacity) (each, caps []int) {
	extras := deal.Extras
	for _, c := range capacities {
		for range c.Recipients {
			n := min(c.Each, deal.Level)
			if c.Each > deal.Level && extras > 0 {
				n, extras = n+1, extras-1
			}
			each, caps = append(each, n), append(caps, c.Each)
		}
	}
	return each, caps
}

// Whatever the capacities: all coupons are dealt, nobody gets more than he can
// take, and nobody two more than somebody who could have taken as many.
func TestDealIsWholeAndFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.MapOfN(rapid.IntRange(0, 9), rapid.IntRange(1, 20), 0, 6).Draw(t, "capacities")
		var capacities []coupon.Capacity
		room := 0
		for _, each := range slices.Sorted(maps.Keys(groups)) {
			capacities = append(capacities, coupon.Capacity{Each: each, Recipients: groups[each]})
			room += each * groups[each]
		}
		capacities = rapid.Permutation(capacities).Draw(t, "order")
		most := rapid.IntRange(0, room).Draw(t, "most")
		deal := coupon.NewDeal(capacities, most)
		each, caps := dealt(deal, capacities)
		sum := 0
		for i, n := range each {
			sum += n
			if n > caps[i] {
				t.Fatalf("%d for who can take %d", n, caps[i])
			}
			for j, other := range each {
				if other > n+1 && caps[i] > n {
					t.Fatalf("%d gets %d and %d gets %d, though he could take more: %v", j, other, i, n, deal)
				}
			}
		}
		if sum != most || deal.Coupons != most {
			t.Fatalf("%d and %d dealt of %d", sum, deal.Coupons, most)
		}
	})
}

func TestTermsAreChecked(t *testing.T) {
	t.Parallel()
	fail := coupon.FailOnShortage
	for _, c := range []struct {
		terms coupon.DistributionTerms
		want  []string
	}{
		{coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: coupon.MaxPerRecipient, OnShortage: fail}, nil},
		{coupon.DistributionTerms{Mode: coupon.RandomMode, Count: coupon.MaxDistributed, OnShortage: coupon.PartialOnShortage}, nil},
		{coupon.DistributionTerms{Mode: "fair", OnShortage: fail}, []string{"/mode"}},
		{coupon.DistributionTerms{Mode: coupon.EqualMode, OnShortage: fail}, []string{"/per_user"}},
		{coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: coupon.MaxPerRecipient + 1, OnShortage: fail}, []string{"/per_user"}},
		{coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: 1, Count: 1, OnShortage: fail}, []string{"/count"}},
		{coupon.DistributionTerms{Mode: coupon.RandomMode, OnShortage: fail}, []string{"/count"}},
		{coupon.DistributionTerms{Mode: coupon.RandomMode, Count: coupon.MaxDistributed + 1, OnShortage: fail}, []string{"/count"}},
		{coupon.DistributionTerms{Mode: coupon.RandomMode, Count: 1, PerUser: 1, OnShortage: fail}, []string{"/per_user"}},
		{coupon.DistributionTerms{Mode: coupon.RandomMode, Count: -1}, []string{"/count", "/on_shortage"}},
		{coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: -1, OnShortage: "generate"}, []string{"/per_user", "/on_shortage"}},
	} {
		require.Equal(t, c.want, pointers(t, c.terms.Check()), "%+v", c.terms)
	}
}

// Recipients get what is planned, unless something has come up since.
func TestHand(t *testing.T) {
	t.Parallel()
	two := 2
	for name, c := range map[string]struct {
		recipient coupon.Recipient
		perUser   *int
		left      int
		coupons   int
		status    coupon.OutcomeStatus
		reason    coupon.OutcomeReason
	}{
		"as planned":                  {coupon.Recipient{Planned: 2}, nil, 5, 2, coupon.OutcomeGranted, ""},
		"as planned, to the limit":    {coupon.Recipient{Planned: 2}, &two, 2, 2, coupon.OutcomeGranted, ""},
		"not drawn":                   {coupon.Recipient{}, nil, 5, 0, coupon.OutcomeSkipped, coupon.NotDrawn},
		"nothing planned":             {coupon.Recipient{Reason: coupon.UserDisabled}, nil, 5, 0, coupon.OutcomeSkipped, coupon.UserDisabled},
		"less than asked for":         {coupon.Recipient{Planned: 1, Reason: coupon.RowLimitReached}, &two, 5, 1, coupon.OutcomeGranted, coupon.RowLimitReached},
		"disabled since":              {coupon.Recipient{Planned: 1, Disabled: true}, nil, 5, 0, coupon.OutcomeSkipped, coupon.UserDisabled},
		"claimed one since":           {coupon.Recipient{Planned: 2, Used: 1}, &two, 5, 1, coupon.OutcomeGranted, coupon.RowLimitReached},
		"claimed all since":           {coupon.Recipient{Planned: 2, Used: 2}, &two, 5, 0, coupon.OutcomeSkipped, coupon.RowLimitReached},
		"the limit was lowered since": {coupon.Recipient{Planned: 2, Used: 3}, &two, 5, 0, coupon.OutcomeSkipped, coupon.RowLimitReached},
		"too few are left":            {coupon.Recipient{Planned: 3}, nil, 2, 2, coupon.OutcomeGranted, coupon.NoCouponLeft},
		"none is left":                {coupon.Recipient{Planned: 3}, nil, 0, 0, coupon.OutcomeFailed, coupon.NoCouponLeft},
	} {
		gifts := coupon.Hand([]coupon.Recipient{c.recipient}, c.perUser, c.left)
		require.Equal(t, []coupon.Gift{{Recipient: c.recipient, Coupons: c.coupons, Status: c.status, Reason: c.reason}}, gifts, name)
		require.Equal(t, c.coupons, coupon.Coupons(gifts), name)
	}
	// What one gets is not left for the next.
	gifts := coupon.Hand([]coupon.Recipient{{UserID: uuid.New(), Planned: 2}, {UserID: uuid.New(), Planned: 2}}, nil, 3)
	require.Equal(t, []int{2, 1}, []int{gifts[0].Coupons, gifts[1].Coupons})
	gifts = coupon.FailAll([]coupon.Recipient{{Planned: 2}, {}}, coupon.BookEnded)
	require.Equal(t, []coupon.OutcomeReason{coupon.BookEnded, coupon.NotDrawn}, []coupon.OutcomeReason{gifts[0].Reason, gifts[1].Reason})
	require.Equal(t, []coupon.OutcomeStatus{coupon.OutcomeFailed, coupon.OutcomeSkipped}, []coupon.OutcomeStatus{gifts[0].Status, gifts[1].Status})
	require.Zero(t, coupon.Coupons(gifts))
}

// Every reason of a recipient says itself in words.
func TestReasonsHaveWords(t *testing.T) {
	t.Parallel()
	for _, reason := range []coupon.OutcomeReason{
		coupon.UserDisabled, coupon.RowLimitReached, coupon.NotDrawn, coupon.NoCouponLeft, coupon.CanceledFirst, coupon.BookNotActive, coupon.BookEnded,
		coupon.LeftRedeemed, coupon.LeftUsed, coupon.LeftLocked, coupon.LeftExpired, coupon.LeftVoid,
	} {
		require.NotEmpty(t, reason.Words(), reason)
	}
	require.Empty(t, coupon.RowMalformed.Words(), "the row's own detail says more")
}

// What can be done about a job, by its status.
func TestControlOfJobs(t *testing.T) {
	t.Parallel()
	type step func(coupon.Job) (coupon.Job, error)
	pause, resume, cancel := step(coupon.Job.Pause), step(coupon.Job.Resume), step(coupon.Job.Cancel)
	for name, c := range map[string]struct {
		do        step
		from, to  coupon.JobStatus
		canceling bool
		code      string
	}{
		"pause what waits":          {pause, coupon.Queued, coupon.JobPaused, false, ""},
		"pause what runs":           {pause, coupon.Running, coupon.JobPaused, false, ""},
		"pause what is paused":      {pause, coupon.JobPaused, coupon.JobPaused, false, ""},
		"pause what has ended":      {pause, coupon.Succeeded, "", false, "job_done"},
		"resume what is paused":     {resume, coupon.JobPaused, coupon.Queued, false, ""},
		"resume what runs":          {resume, coupon.Running, coupon.Running, false, ""},
		"resume what is canceled":   {resume, coupon.Canceled, "", false, "job_done"},
		"cancel what waits":         {cancel, coupon.Queued, coupon.Queued, true, ""},
		"cancel what runs":          {cancel, coupon.Running, coupon.Running, true, ""},
		"cancel what is paused":     {cancel, coupon.JobPaused, coupon.Queued, true, ""},
		"cancel what is canceled":   {cancel, coupon.Canceled, coupon.Canceled, false, ""},
		"cancel what has failed":    {cancel, coupon.Failed, "", false, "job_done"},
		"cancel what was a success": {cancel, coupon.PartiallySucceeded, "", false, "job_done"},
	} {
		job, err := c.do(coupon.Job{Kind: coupon.DistributionJob, Status: c.from})
		if c.code != "" {
			require.ErrorIs(t, err, &coupon.Error{Code: c.code}, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.to, job.Status, name)
		require.Equal(t, c.canceling, job.Canceling, name)
	}
	again, err := coupon.Job{Kind: coupon.DistributionJob, Status: coupon.Running, Canceling: true}.Cancel()
	require.NoError(t, err)
	require.True(t, again.Canceling)
	for name, do := range map[string]step{"pause": pause, "resume": resume} {
		_, err := do(coupon.Job{Kind: coupon.DistributionJob, Status: coupon.Running, Canceling: true})
		require.ErrorIs(t, err, coupon.ErrJobDone, name)
		_, err = do(coupon.Job{Kind: coupon.ClaimJob, Status: coupon.Queued})
		require.ErrorIs(t, err, coupon.ErrJobKind, name)
	}
	require.NoError(t, coupon.Job{Kind: coupon.DistributionJob, Status: coupon.Canceled}.Recall())
	require.ErrorIs(t, coupon.Job{Kind: coupon.DistributionJob, Status: coupon.JobPaused}.Recall(), coupon.ErrJobUnderWay)
	require.ErrorIs(t, coupon.Job{Kind: coupon.GenerateJob, Status: coupon.Succeeded}.Recall(), coupon.ErrJobKind)
}

func TestMemberRows(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	long := strings.Repeat("x", 300)
	for text, want := range map[string]coupon.MemberRow{
		"Ann@Example.com": {User: coupon.UserRef{Email: "ann@example.com"}, Text: "Ann@Example.com"},
		id.String():       {User: coupon.UserRef{ID: &id}, Text: id.String()},
		"crm-17":          {User: coupon.UserRef{ExternalID: "crm-17"}, Text: "crm-17"},
		"":                {Reason: coupon.RowMissingUser, Detail: "names nobody"},
		"no@@mail":        {Text: "no@@mail", Reason: coupon.RowBadUser, Detail: "must be a user's id, an e-mail or an external id of at most 200 characters"},
		long:              {Text: long[:100] + "…", Reason: coupon.RowBadUser, Detail: "must be a user's id, an e-mail or an external id of at most 200 characters"},
	} {
		want.Line = 7
		require.Equal(t, want, coupon.NewMemberRow(7, " "+text+" ", ""), text)
	}
	row := coupon.NewMemberRow(1, "ann", "A\x00")
	require.Equal(t, coupon.RowBadName, row.Reason)
	require.Equal(t, "Ann B", coupon.NewMemberRow(1, "ann", " Ann B ").Name)
}

func TestPoolSettings(t *testing.T) {
	t.Parallel()
	pool, err := coupon.Pool{Version: 3}.With(coupon.PoolSettings{Name: "  VIPs ", Description: "d"})
	require.NoError(t, err)
	require.Equal(t, coupon.Pool{Name: "VIPs", Description: "d", Version: 3}, pool)
	_, err = coupon.Pool{}.With(coupon.PoolSettings{Name: " "})
	require.Equal(t, []string{"/name"}, pointers(t, err))
}
