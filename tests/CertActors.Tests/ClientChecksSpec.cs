using System.Net;
using System.Security.Cryptography.X509Certificates;
using CertActors.AspNetCore;
using CertActors.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.Tests;

/// <summary>Which open connections of clients are closed when the trust bundle is swapped that the clients were verified against.</summary>
public sealed class ClientChecksSpec : PipelineKit
{
    private const string BundlePath = "/trust/ca.pem";
    private const string ListPath = "/trust/ca.crl";
    private const int HardLimit = 1000;

    private static readonly TrustBundleOptions Bundle = new() { Name = "clients", CertificatePaths = [BundlePath], RevocationListPaths = [ListPath] };

    private readonly FakeTimeProvider _time = new(TestTime.Start.AddDays(1));
    private readonly LoggedLines _log = new();
    private readonly TestAuthority _one = new("one");
    private readonly TestAuthority _other = new("other");
    private readonly CertificateDrain _drain;
    private int _reports;

    public ClientChecksSpec()
    {
        HasOwnThreads = true; // Clients are verified on the thread pool.
        Write(TestPair.Make());
        Files.Write(BundlePath, _one.CertificatePem + _other.CertificatePem);
        Files.Write(ListPath, ListOf(_one, 1) + ListOf(_other, 1));
        Start(new CertificatesOptions
        {
            Certificates = [Options()],
            TrustBundles = [Bundle],
        });
        _drain = Make(new CertificateDrainOptions { CloseRefusedClients = true, HardLimit = TimeSpan.FromSeconds(HardLimit) });
    }

    [Fact]
    public async Task Clients_of_an_authority_that_was_removed_are_asked_to_close_at_once_and_others_stay()
    {
        var (removed, stays, nobody) = (Connect(ClientOf(_one)), Connect(ClientOf(_other)), Connect(client: null));

        SwapBundle(_other);
        await ClosedAsync(removed);

        Assert.Equal((0, 0), (stays.CloseRequests, nobody.CloseRequests));
        var (level, line) = Assert.Single(_log.All);
        Assert.Equal(LogLevel.Information, level);
        Assert.StartsWith(
            "1 connections to 127.0.0.1:8443 are closed, as trust bundle clients, generation 2, no longer trusts their clients; the last (Untrusted): CN=", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_was_revoked_is_asked_to_close_on_each_of_its_connections()
    {
        var pair = new TestLeaf { Issuer = _one }.Make();
        FakeConnection[] revoked = [Connect(LeafOf(pair)), Connect(LeafOf(pair))];
        var stays = Connect(ClientOf(_one));

        Files.Write(ListPath, ListOf(_one, 2, TestRevocationList.SerialOf(pair.CertificatePem)) + ListOf(_other, 2));
        Raise(ListPath);
        AdvancePastDebounce();
        await ClosedAsync(revoked);

        Assert.Equal(0, stays.CloseRequests);
        Assert.Contains("2 connections", Assert.Single(_log.All).Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_whose_certificate_has_merely_expired_stays()
    {
        var expired = Connect(LeafOf(new TestLeaf { Issuer = _other, NotAfter = TestTime.Start.AddDays(2) }.Make()));
        var removed = Connect(ClientOf(_one));
        _time.Advance(TimeSpan.FromDays(2));

        SwapBundle(_other);
        await ClosedAsync(removed);

        Assert.Equal(0, expired.CloseRequests);
    }

    [Fact]
    public async Task A_client_whose_certificate_is_not_valid_yet_by_the_clock_stays()
    {
        var early = Connect(LeafOf(new TestLeaf { Issuer = _other, NotBefore = TestTime.Start.AddDays(2) }.Make()));
        var removed = Connect(ClientOf(_one));

        SwapBundle(_other);
        await ClosedAsync(removed);

        Assert.Equal(0, early.CloseRequests);
    }

    [Fact]
    public async Task A_client_whose_revocation_list_is_stale_stays()
    {
        var stays = Connect(ClientOf(_other));
        var removed = Connect(ClientOf(_one));

        SwapBundle(_other, new TestRevocationList { Issuer = _other, Number = 2, ThisUpdate = TestTime.Start.AddHours(2), NextUpdate = TestTime.Start.AddHours(3) }.MakePem());
        await ClosedAsync(removed);

        Assert.Equal(0, stays.CloseRequests);
    }

    [Fact]
    public async Task A_client_whose_certificate_is_not_for_clients_is_asked_to_close()
    {
        var wrong = Connect(LeafOf(new TestLeaf { Issuer = _other, Purposes = ["1.3.6.1.5.5.7.3.1"] }.Make()));

        SwapBundle(_other);
        await ClosedAsync(wrong);

        Assert.Contains("the last (WrongPurpose)", Assert.Single(_log.All).Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_its_authority_may_no_longer_certify_is_asked_to_close()
    {
        var client = Connect(ClientOf(_one));

        SwapBundle(new TestAuthority("one", sameKeyAs: _one, extension: TestAuthority.NamesBelow("example.org")));
        await ClosedAsync(client);

        Assert.Contains("the last (ConstraintViolated)", Assert.Single(_log.All).Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_whose_certificate_cannot_be_read_any_more_is_asked_to_close_and_keeps_no_other_from_being_checked()
    {
        var unreadable = ClientOf(_other);
        FakeConnection[] closed = [Connect(unreadable), Connect(ClientOf(_one))];
        var stays = Connect(ClientOf(_other));
        unreadable.Dispose();

        SwapBundle(_other);
        await ClosedAsync(closed);

        Assert.Equal(0, stays.CloseRequests);
        Assert.Contains("2 connections", Assert.Single(_log.All).Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_was_revoked_after_its_certificate_had_expired_is_asked_to_close()
    {
        var pair = new TestLeaf { Issuer = _one, NotAfter = TestTime.Start.AddDays(2) }.Make();
        var revoked = Connect(LeafOf(pair));
        _time.Advance(TimeSpan.FromDays(2));

        Files.Write(ListPath, ListOf(_one, 2, TestRevocationList.SerialOf(pair.CertificatePem)) + ListOf(_other, 2));
        Raise(ListPath);
        AdvancePastDebounce();

        await ClosedAsync(revoked);
    }

    [Fact]
    public async Task A_bundle_that_is_removed_trusts_nobody_and_one_of_its_name_that_is_added_again_is_followed()
    {
        var removed = Connect(ClientOf(_one));
        Supervisor.Tell(new RemoveTrustBundle("clients"), TestActor);
        Barrier();
        await ClosedAsync(removed);

        Supervisor.Tell(new AddTrustBundle(Bundle), TestActor);
        Barrier();
        AdvancePastDebounce();
        var next = Connect(ClientOf(_one));
        SwapBundle(_other);
        await ClosedAsync(next);
    }

    [Fact]
    public async Task A_refused_client_is_aborted_at_the_hard_limit_which_counts_from_the_swap_of_the_bundle()
    {
        var removed = Connect(ClientOf(_one));
        _time.Advance(TimeSpan.FromSeconds(HardLimit));
        SwapBundle(_other);
        await ClosedAsync(removed);

        _time.Advance(TimeSpan.FromSeconds(HardLimit - 1));
        Assert.Equal(0, removed.Aborts);
        _time.Advance(TimeSpan.FromSeconds(1));

        await EventuallyAsync(() => removed.Aborts == 1 && _log.All.Count == 2);
        Assert.Equal(
            "1 connections to 127.0.0.1:8443 were aborted, as they were open at the hard limit of the drain of clients, generation 2.", _log.All.Last().Line);
    }

    [Fact]
    public async Task A_connection_that_is_drained_already_is_asked_at_once_and_keeps_its_own_hard_limit()
    {
        var removed = Connect(ClientOf(_one));
        var superseded = new TaskCompletionSource();
        Current.Superseded.UnsafeRegister(_ => superseded.SetResult(), state: null);
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        await superseded.Task.WaitAsync(Generous);
        await EventuallyAsync(() => removed.Served.Drained!.Generation.SupersededAt is not null);

        _time.Advance(TimeSpan.FromSeconds(10));
        SwapBundle(_other);
        await ClosedAsync(removed);
        Assert.Equal(0, removed.Aborts);
        _time.Advance(TimeSpan.FromSeconds(HardLimit - 10));

        await EventuallyAsync(() => removed.Aborts == 1);
    }

    [Fact]
    public async Task A_client_whose_handshake_ends_after_the_swap_of_the_bundle_is_closed_too()
    {
        var before = Identity();
        SwapBundle(_other);

        var late = new FakeConnection(before, ClientOf(_one));
        _drain.Add(late);

        await ClosedAsync(late);
    }

    [Fact]
    public async Task A_second_swap_is_followed_as_the_first_was()
    {
        var (one, other) = (Connect(ClientOf(_one)), Connect(ClientOf(_other)));
        SwapBundle(_other);
        await ClosedAsync(one);
        var third = new TestAuthority("third");
        Connect(ClientOf(_other));

        SwapBundle(third);

        await ClosedAsync(other);
    }

    [Fact]
    public async Task A_log_that_fails_ends_no_check()
    {
        var (one, other) = (Connect(ClientOf(_one)), Connect(ClientOf(_other)));
        _log.Fails = true;
        SwapBundle(_other);
        await EventuallyAsync(() => _log.Failures == 1);
        _log.Fails = false;
        _time.Advance(TimeSpan.FromMilliseconds(10));
        await EventuallyAsync(() => one.CloseRequests == 1);

        SwapBundle(new TestAuthority("third"));

        await ClosedAsync(other);
    }

    [Fact]
    public async Task A_bundle_that_is_rejected_closes_nothing()
    {
        var connection = Connect(ClientOf(_one));
        Files.Write(BundlePath, "no certificate");
        Raise(BundlePath);
        AdvancePastDebounce();
        AdvancePastHold();
        Assert.Equal(1, Holder.GetTrustBundle("clients")!.Generation);

        // The next good one does.
        SwapBundle(_other);
        await ClosedAsync(connection);
        Assert.Single(_log.All);
    }

    private CertificateDrain Make(CertificateDrainOptions options) => new(options, Holder, _log, () => new IPEndPoint(IPAddress.Loopback, 8443), _time);

    private ServerIdentity Identity() =>
        new(Holder, Current, Holder.GetTrustBundle("clients"), new CertificateServerOptions { ClientCertificates = ClientCertificates.Allow, TrustBundle = "clients" });

    private FakeConnection Connect(X509Certificate2? client)
    {
        var connection = new FakeConnection(Identity(), client);
        _drain.Add(connection);
        return connection;
    }

    private static X509Certificate2 ClientOf(TestAuthority issuer) => LeafOf(new TestLeaf { Issuer = issuer }.Make());

    private static X509Certificate2 LeafOf(TestPair pair) => X509Certificate2.CreateFromPem(pair.CertificatePem);

    private static string ListOf(TestAuthority issuer, int number, params byte[][] serials) =>
        new TestRevocationList { Issuer = issuer, Number = number, ThisUpdate = TestTime.Start.AddHours(number), Serials = serials }.MakePem();

    private void SwapBundle(TestAuthority authority, string? list = null)
    {
        Files.Write(BundlePath, authority.CertificatePem);
        Files.Write(ListPath, list ?? ListOf(authority, 2));
        Raise(BundlePath);
        AdvancePastDebounce();
    }

    /// <summary>Waits for the next report of refused clients, and lets the timer come that asks their connections to close.</summary>
    private async Task ClosedAsync(params FakeConnection[] connections)
    {
        _reports++;
        await EventuallyAsync(() => _log.All.Count(entry => entry.Line.Contains("no longer trusts their clients", StringComparison.Ordinal)) == _reports);
        _time.Advance(TimeSpan.FromMilliseconds(10));
        await EventuallyAsync(() => connections.All(connection => connection.CloseRequests == 1));
    }
}
