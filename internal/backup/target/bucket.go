package target

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/outbound"
)

// Bounds of a bucket.
const (
	callTime  = 2 * time.Minute // of one call with its body, unless the address says another
	maxObject = 64 << 20        // bytes of one object
	maxList   = 1_000_000       // objects of one list
)

const (
	minCallTime = 100 * time.Millisecond
	maxCallTime = time.Hour
)

// defaultEndpoint is asked if an address names none.
const defaultEndpoint = "https://s3.amazonaws.com"

// bucket is a bucket of a server that speaks S3.
type bucket struct {
	client  *minio.Client
	name    string
	prefix  string // "" or ends with a slash
	address string // for messages
	timeout time.Duration
}

// openBucket reads the address of a bucket.
func openBucket(address string, getenv func(string) string) (Target, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("the address of the bucket cannot be read: write s3://bucket/prefix?endpoint=https://host:port&region=name")
	case u.User != nil:
		return nil, errors.New("the address of the bucket holds a user or a password: give keys as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.Host == "":
		return nil, errors.New("the address of the bucket names no bucket: write s3://bucket/prefix")
	}
	query := u.Query()
	for key := range query {
		if key != "endpoint" && key != "region" && key != "timeout" {
			return nil, fmt.Errorf("the address of the bucket has the unknown part %s: endpoint, region and timeout are known", key)
		}
	}
	timeout, err := time.ParseDuration(cmp.Or(query.Get("timeout"), callTime.String()))
	if err != nil || timeout < minCallTime || timeout > maxCallTime {
		return nil, fmt.Errorf("the timeout of the bucket is from %v to %v, as in timeout=5m", minCallTime, maxCallTime)
	}
	endpoint, err := url.Parse(cmp.Or(query.Get("endpoint"), defaultEndpoint))
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "https" && endpoint.Scheme != "http") || strings.Trim(endpoint.Path, "/") != "" || endpoint.User != nil {
		return nil, errors.New("the endpoint of the bucket cannot be read: write endpoint=https://host:port")
	}
	id, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, errors.New("the bucket needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	b := &bucket{name: u.Host, prefix: strings.Trim(u.Path, "/"), timeout: timeout}
	if b.prefix != "" {
		b.prefix += "/"
	}
	b.address = "the bucket s3://" + b.name + "/" + b.prefix + " at " + endpoint.Host
	calls := outbound.New(outbound.Config{}).Client(outbound.Use{Given: []string{outbound.GivenHost(endpoint)}, Timeout: timeout, MaxAnswer: maxObject})
	b.client, err = minio.New(endpoint.Host, &minio.Options{
		Creds:      credentials.NewStaticV4(id, secret, getenv("AWS_SESSION_TOKEN")),
		Secure:     endpoint.Scheme == "https",
		Region:     cmp.Or(query.Get("region"), getenv("AWS_REGION"), "us-east-1"),
		Transport:  calls.Transport,
		MaxRetries: 1, // package backup tries again
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.address, err)
	}
	return b, nil
}

// String implements Target.
func (b *bucket) String() string { return b.address }

// Put implements Target. The server refuses an existing name, in one step with the upload.
func (b *bucket) Put(ctx context.Context, name string, r io.Reader) error {
	if err := checkName(name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	r, size, err := sized(r)
	if err != nil {
		return err
	}
	options := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true}
	options.SetMatchETagExcept("*")
	_, err = b.client.PutObject(ctx, b.name, b.prefix+name, r, size, options)
	if err != nil && status(err) == http.StatusPreconditionFailed {
		return exists(b, name, err)
	}
	return b.explain(ctx, err)
}

// sized returns how many bytes a reader has.
func sized(r io.Reader) (io.Reader, int64, error) {
	if seeker, ok := r.(io.Seeker); ok {
		at, err := seeker.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, 0, err
		}
		end, err := seeker.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, 0, err
		}
		_, err = seeker.Seek(at, io.SeekStart)
		return r, end - at, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if err == nil && len(data) > maxObject {
		err = fmt.Errorf("an object of a bucket has at most %d bytes", maxObject)
	}
	return bytes.NewReader(data), int64(len(data)), err
}

// Get implements Target. Its deadline covers the reading.
func (b *bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, b.timeout)
	core := minio.Core{Client: b.client}
	body, _, _, err := core.GetObject(bounded, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		defer cancel()
		if status(err) == http.StatusNotFound && minio.ToErrorResponse(err).Code != minio.NoSuchBucket {
			return nil, notFound(b, name, err)
		}
		return nil, b.explain(bounded, err)
	}
	return &download{b, bounded, body, cancel}, nil
}

// download is the body of an object.
type download struct {
	bucket *bucket
	ctx    context.Context // of Get
	body   io.ReadCloser
	cancel context.CancelFunc
}

func (d *download) Read(dst []byte) (int, error) {
	n, err := d.body.Read(dst)
	if err != nil && err != io.EOF {
		err = d.bucket.explain(d.ctx, err)
	}
	return n, err
}

func (d *download) Close() error {
	d.cancel()
	return d.body.Close()
}

// List implements Target.
func (b *bucket) List(ctx context.Context, prefix string) (all []Object, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	for object := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}) {
		if object.Err != nil {
			return nil, b.explain(ctx, object.Err)
		}
		name := strings.TrimPrefix(object.Key, b.prefix)
		if checkName(name) != nil {
			continue
		}
		if len(all) == maxList {
			return nil, fmt.Errorf("%s holds more than %d objects", b, maxList)
		}
		all = append(all, Object{Name: name, Size: object.Size, Modified: object.LastModified})
	}
	if err := ctx.Err(); err != nil {
		return nil, b.explain(ctx, err)
	}
	slices.SortFunc(all, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Delete implements Target.
func (b *bucket) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return b.explain(ctx, b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{}))
}

// explain says what an error of the server asks of the operator.
func (b *bucket) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	code := minio.ToErrorResponse(err).Code
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errs.Wrapf(err, errs.Unavailable, "%s did not answer within %v", b, b.timeout)
	case ctx.Err() != nil:
		return ctx.Err()
	case code == minio.NoSuchBucket:
		return errs.Wrapf(err, errs.Forbidden, "there is no bucket %s at %s: make it first", b.name, b.client.EndpointURL().Host)
	case code == "SignatureDoesNotMatch" || code == "InvalidAccessKeyId":
		return errs.Wrapf(err, errs.Forbidden, "%s refuses the keys: look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the region", b)
	case status(err) == http.StatusForbidden:
		return errs.Wrapf(err, errs.Forbidden, "%s denies access: the keys need PutObject, GetObject, ListBucket and DeleteObject", b)
	}
	return errs.Wrapf(err, errs.Unavailable, "%s failed", b)
}

func status(err error) int { return minio.ToErrorResponse(err).StatusCode }
