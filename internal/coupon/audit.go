package coupon

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// Action is what a member of staff, or his server, did. Its first part is what
// it was done to.
type Action string

// The actions.
const (
	BookCreate   Action = "book.create"
	BookEdit     Action = "book.edit"
	BookMove     Action = "book.move" // activate, pause or close
	BookArchive  Action = "book.archive"
	CouponAdd    Action = "coupon.add"
	CouponAssign Action = "coupon.assign"
	CouponRevoke Action = "coupon.revoke"
	CouponVoid   Action = "coupon.void"
	// CouponDisable and CouponEnable keep a coupon from being used, and end that.
	CouponDisable  Action = "coupon.disable"
	CouponEnable   Action = "coupon.enable"
	RollBackAction Action = "redemption.roll_back"
	PoolCreate     Action = "pool.create"
	PoolEdit       Action = "pool.edit"
	PoolDelete     Action = "pool.delete"
	MembersAdd     Action = "pool.add_members"
	MembersRemove  Action = "pool.remove_members"
	JobSubmit      Action = "job.submit" // codes, files, exports, distributions, recalls, replays
	JobSteer       Action = "job.steer"  // pause, resume or cancel
	JobRetry       Action = "job.retry"
	EndpointCreate Action = "webhook.create"
	EndpointEdit   Action = "webhook.edit"
	EndpointDelete Action = "webhook.delete"
	EndpointRotate Action = "webhook.rotate_secret"
	EndpointTest   Action = "webhook.test"
	Redeliver      Action = "webhook.redeliver"
	KeyCreate      Action = "api_key.create"
	KeyRotate      Action = "api_key.rotate"
	KeyRevoke      Action = "api_key.revoke"
	UserCreate     Action = "user.create"
	UserEdit       Action = "user.edit"
	UserErase      Action = "user.erase"
	UserReset      Action = "user.reset_password" // a link to set a new password
	UserSignOut    Action = "user.end_sessions"
	PasswordChange Action = "user.change_password" // his own
	SignIn         Action = "user.sign_in"
	FactorAdd      Action = "user.add_second_factor" // his own
	FactorRemove   Action = "user.remove_second_factor"
)

// AuditEntry is one deed.
type AuditEntry struct {
	ID        int64
	CreatedAt time.Time
	ActorID   *uuid.UUID // nil: somebody at the command line
	ActorName *string    // his e-mail or name, as it is now
	APIKeyID  *uuid.UUID // what he did it with; nil: himself
	Action    Action
	TargetID  uuid.UUID
	Before    json.RawMessage // what it changed; nil: nothing was there, or it does not say
	After     json.RawMessage
	Address   *netip.Addr
	RequestID string
}

// AuditFilter narrows the audit log; empty fields do not.
type AuditFilter struct {
	ActorID  *uuid.UUID
	TargetID *uuid.UUID
	Action   string // a whole one, or its first part: what it was done to
	From, To *time.Time
	Before   *int64 // goes on below this id
}
