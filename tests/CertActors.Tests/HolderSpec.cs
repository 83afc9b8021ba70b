using System.Globalization;
using System.Text;
using CertActors.Clients;
using CertActors.Holding;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.Tests;

/// <summary>What handshakes see.</summary>
public sealed class HolderSpec : PipelineKit
{
    [Fact]
    public void A_name_selects_its_pair_and_any_other_the_default()
    {
        Write(TestPair.Make("www.a.example"));
        Write(TestPair.Make("b.example", "*.b.example", "xn--bcher-kva.example"), "/other/tls.crt", "/other/tls.key");
        Start(Options(), Options("other", "/other/tls.crt", "/other/tls.key"));

        Assert.All(
            ["b.example", "B.Example", "b.example.", "x.b.example", "X.B.EXAMPLE.", "xn--bcher-kva.example", "bücher.example"],
            name => Assert.Equal("other", Holder.Select(name)?.Name));
        Assert.All(
            ["www.a.example", "x.y.b.example", ".b.example", "c.example", "example", "", null, "."],
            name => Assert.Equal("default", Holder.Select(name)?.Name));
    }

    [Fact]
    public void Where_two_pairs_have_a_name_the_first_gets_it()
    {
        Write(TestPair.Make("a.example"));
        Write(TestPair.Make("b.example"), "/b/tls.crt", "/b/tls.key");
        Write(TestPair.Make("b.example"), "/c/tls.crt", "/c/tls.key");
        Start(Options(), Options("other", "/b/tls.crt", "/b/tls.key"), Options("third", "/c/tls.crt", "/c/tls.key"));

        Assert.Equal("other", Holder.Select("b.example")?.Name);
    }

    [Fact]
    public void Names_follow_a_rotation()
    {
        Write(TestPair.Make());
        Write(TestPair.Make("old.example"), "/other/tls.crt", "/other/tls.key");
        Start(Options(), Options("other", "/other/tls.crt", "/other/tls.key"));

        Write(TestPair.Make("new.example"), "/other/tls.crt", "/other/tls.key");
        Raise("/other/tls.crt");
        AdvancePastDebounce();

        Assert.Equal("other", Holder.Select("new.example")?.Name);
        Assert.Equal("default", Holder.Select("old.example")?.Name);
    }

    [Fact]
    public void A_name_leads_to_its_pair_from_the_moment_of_the_swap()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other", "third"));
        Serve(cells[0], "a.example");

        var first = Serve(cells[1], "b.example", "*.b.example");
        Assert.All(["b.example", "x.b.example"], name => Assert.Same(first, Holder.Select(name)));

        var second = Serve(cells[1], "*.b.example", "c.example");
        Assert.All(["c.example", "x.b.example"], name => Assert.Same(second, Holder.Select(name)));
        Assert.Same(Holder.Current, Holder.Select("b.example"));
    }

    [Fact]
    public void A_name_that_a_pair_loses_falls_to_the_next_pair_that_has_it()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other", "third"));
        Serve(cells[0], "a.example");
        var third = Serve(cells[2], "b.example");
        var other = Serve(cells[1], "b.example");
        Assert.Same(other, Holder.Select("b.example"));

        Serve(cells[1], "c.example");
        Assert.Same(third, Holder.Select("b.example"));
        third = Serve(cells[2], "b.example");
        Assert.Same(third, Holder.Select("b.example"));

        other = Serve(cells[1], "b.example");
        Serve(cells[2], "b.example");
        Assert.Same(other, Holder.Select("b.example"));
    }

    [Fact]
    public void A_pair_that_the_next_owner_does_not_have_answers_to_no_name()
    {
        var owner = CreateTestProbe();
        var cells = Holder.Claim(owner, Pairs("default", "other"));
        Serve(cells[0], "a.example");
        var other = Serve(cells[1], "b.example");
        Holder.Release(owner);

        Holder.Claim(owner, Pairs("default"));
        Assert.Same(Holder.Current, Holder.Select("b.example"));
        Holder.Release(owner);

        Holder.Claim(owner, Pairs("other", "default"));
        Assert.Same(other, Holder.Select("b.example"));
        Assert.Same(other, Holder.Current);
    }

    [Fact]
    public void Until_a_new_default_is_loaded_the_last_one_is_served_with_its_next_certificates()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other"));
        Serve(cells[0], "a.example");
        var added = Holder.Add(Options("marked") with { IsDefault = true });

        var second = Serve(cells[0], "a.example");
        Assert.Same(second, Holder.Current);

        var marked = Serve(added, "b.example");
        Assert.Same(marked, Holder.Current);
        Serve(cells[0], "a.example");
        Assert.Same(marked, Holder.Current);
    }

    [Fact]
    public void A_last_default_that_is_no_longer_for_servers_is_served_until_the_next_is_loaded()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other"));
        var last = Serve(cells[0], "a.example");

        Holder.Replace(Options() with { Purpose = CertificatePurpose.ClientAuthentication });
        Holder.Arrange(["default", "other"], "other");
        Assert.Same(last, Holder.Current);
        Assert.Null(Holder.SelectStrict("a.example"));

        var next = Serve(cells[1], "b.example");
        Assert.Same(next, Holder.Current);
        Holder.Replace(Options("other") with { Purpose = CertificatePurpose.ClientAuthentication });
        Holder.Arrange(["default", "other"], @default: null);
        Assert.Null(Holder.Current);
    }

    [Fact]
    public void A_last_default_that_is_removed_is_served_if_it_may_until_the_next_is_loaded_or_none_is_left()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other", "third"));
        var last = Serve(cells[0], "a.example");
        Holder.SetDefault("other");
        Holder.Remove("default", TestTime.Start, untilNextDefault: true);
        Assert.Same(last, Holder.Current);
        Assert.False(last.Superseded.IsCancellationRequested);

        // The next one of the name is another pair, also for the next incarnation of the owner.
        Holder.Add(Options());
        Assert.Same(last, Holder.Current);
        Holder.Remove("default", TestTime.Start, untilNextDefault: true);

        var next = Serve(cells[1], "b.example");
        Assert.Same(next, Holder.Current);
        Assert.True(last.Superseded.IsCancellationRequested);
        Holder.Remove("other", TestTime.Start, untilNextDefault: false);
        Assert.Null(Holder.Current);
        Assert.True(next.Superseded.IsCancellationRequested);

        var third = Serve(cells[2], "c.example");
        Holder.SetDefault(null);
        Holder.Remove("third", TestTime.Start, untilNextDefault: true);
        Assert.Null(Holder.Current);
        Assert.True(third.Superseded.IsCancellationRequested);
    }

    [Fact]
    public void A_last_default_that_is_no_longer_for_servers_is_superseded_once_neither_its_pair_nor_the_default_serves_it()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other"));
        var last = Serve(cells[0], "a.example");
        var client = Holder.Replace(Options() with { Purpose = CertificatePurpose.ClientAuthentication });
        Holder.Arrange(["default", "other"], "other");

        var next = Serve(client, "a.example");
        Assert.Equal((last, next), (Holder.Current, Holder.Get("default")));
        Assert.False(last.Superseded.IsCancellationRequested);

        var other = Serve(cells[1], "b.example");
        Assert.Same(other, Holder.Current);
        Assert.Equal((true, false), (last.Superseded.IsCancellationRequested, next.Superseded.IsCancellationRequested));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_last_default_that_is_for_servers_again_is_followed_again(bool isRotated)
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other"));
        var last = Serve(cells[0], "a.example");
        var client = Holder.Replace(Options() with { Purpose = CertificatePurpose.ClientAuthentication });
        var served = isRotated ? Serve(client, "a.example") : last;

        var server = Holder.Replace(Options() with { ServerNames = ["a.example"] });
        Holder.Arrange(["default", "other"], "other");
        Assert.Same(last, Holder.Current);
        server.Accept();
        Assert.Same(served, Holder.Current);
        Assert.Equal(isRotated, last.Superseded.IsCancellationRequested);

        Assert.Same(Serve(server, "a.example"), Holder.Current);
        Assert.True(served.Superseded.IsCancellationRequested);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_last_default_that_is_no_longer_for_servers_ends_with_its_pair_unless_it_may_stay(bool mayStay)
    {
        var owner = CreateTestProbe();
        var cells = Holder.Claim(owner, Pairs("default", "other"));
        var last = Serve(cells[0], "a.example");
        var client = Options() with { Purpose = CertificatePurpose.ClientAuthentication };
        cells = Holder.Claim(owner, [client, Options("other")]);
        var next = Serve(cells[0], "a.example");
        Assert.Same(last, Holder.Current);

        Holder.Remove("default", TestTime.Start, untilNextDefault: mayStay);
        Assert.Equal(mayStay ? last : null, Holder.Current);
        Assert.Equal((!mayStay, true), (last.Superseded.IsCancellationRequested, next.Superseded.IsCancellationRequested));

        Serve(cells[1], "b.example");
        Assert.True(last.Superseded.IsCancellationRequested);
    }

    [Fact]
    public void A_last_default_that_its_pair_still_serves_to_clients_is_taken_away_with_the_pair()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other"));
        var last = Serve(cells[0], "a.example");
        Holder.Replace(Options() with { Purpose = CertificatePurpose.ClientAuthentication });

        Holder.Remove("default", TestTime.Start, untilNextDefault: false);

        Assert.Null(Holder.Current);
        Assert.True(last.Superseded.IsCancellationRequested);
    }

    [Fact]
    public void A_first_load_that_two_end_at_once_ends_once()
    {
        var cells = Holder.Claim(CreateTestProbe(), Pairs([.. Enumerable.Range(0, 2000).Select(number => $"{number}")]));
        Assert.All(cells, cell => Parallel.Invoke(cell.EndFirstLoad, cell.EndFirstLoad));
        Serve(cells[0], "a.example");

        Holder.Add(Options("awaited"));

        Assert.False(Holder.SelectAsync("b.example").AsTask().IsCompleted);
    }

    [Fact]
    public void A_removal_that_outlasts_its_supervisor_takes_no_other_pair_away()
    {
        var owner = CreateTestProbe();
        Holder.Claim(owner, Pairs("default", "leaving", "third"));

        var cells = Holder.Claim(owner, Pairs("default", "third"));
        var third = Serve(cells[1], "c.example");
        Holder.Remove("leaving", TestTime.Start, untilNextDefault: true);

        Assert.Same(third, Holder.Select("c.example"));
        Assert.Equal(2, Holder.Add(Options("next")).Place);
    }

    [Fact]
    public async Task While_pairs_swap_at_once_a_look_up_finds_a_certificate_that_has_the_name()
    {
        const int swaps = 2000;

        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "on-and-off", "always"));
        Serve(cells[0], "a.example");
        Serve(cells[2], "b.example", "*.b.example");
        Task[] writers =
        [
            Task.Run(() =>
            {
                for (var i = 0; i < swaps; i++)
                    Serve(cells[1], i % 2 == 0 ? ["b.example", "*.b.example"] : ["c.example"]);
            }),
            Task.Run(() =>
            {
                for (var i = 0; i < swaps; i++)
                    Serve(cells[2], "b.example", "*.b.example");
            }),
        ];

        var swapped = Task.WhenAll(writers);
        do
        {
            Assert.Contains("b.example", Holder.Select("b.example")!.Facts.DnsNames);
            Assert.Contains("*.b.example", Holder.Select("x.b.example")!.Facts.DnsNames);
        }
        while (!swapped.IsCompleted);
        await swapped;
    }

    private static CertificateOptions[] Pairs(params string[] names) => [.. names.Select(name => Options(name))];

    [Fact]
    public async Task While_the_next_default_and_its_predecessor_swap_at_once_the_current_certificate_goes_forward_alone()
    {
        const int swaps = 2000;

        var cells = Holder.Claim(CreateTestProbe(), Pairs("default", "other"));
        ServingCertificate[] last = [Serve(cells[0], "0"), null!];
        var next = Holder.Add(Options("next") with { IsDefault = true });
        Task[] writers =
        [
            Task.Run(() => last[0] = Swaps(cells[0]).Last()),
            Task.Run(() => last[1] = Swaps(next).Last()),
        ];

        var swapped = Task.WhenAll(writers);
        var (name, number) = ("default", 0);
        do
        {
            var current = Holder.Current!;
            var isSame = current.Name == name;
            Assert.True(isSame || current.Name == "next");
            var seen = int.Parse(current.Facts.DnsNames[0], CultureInfo.InvariantCulture);
            Assert.True(!isSame || seen >= number);
            (name, number) = (current.Name, seen);
        }
        while (!swapped.IsCompleted);

        await swapped;
        Assert.Same(last[1], Holder.Current);
        Holder.Remove("next", TestTime.Start, untilNextDefault: false);
        Assert.Same(last[0], Holder.Current);

        static IEnumerable<ServingCertificate> Swaps(CertificateCell cell) => Enumerable.Range(1, swaps).Select(number => Serve(cell, $"{number}"));
    }

    [Fact]
    public async Task While_the_bundle_and_then_the_pair_swap_again_and_again_identity_and_trust_are_of_one_moment()
    {
        const int swaps = 20_000;
        const int readers = 4; // Where there are fewer processors, some are interrupted between two reads.

        var pair = Holder.Claim(CreateTestProbe(), Pairs("default"), "clients")[0];
        var bundle = Holder.BundleCellOf("clients");
        var content = new BundleContent([new BundleFile("/ca.pem", Encoding.ASCII.GetBytes(new TestAuthority("authority").CertificatePem))], []);
        var accepted = Assert.IsType<Verdict.Accepted>(BundleJudge.Of(content, served: null, TestTime.Start, new TrustBundleOptions { CertificatePaths = ["/ca.pem"] }));
        Swap(0);
        var isOver = false;
        var reading = Enumerable.Range(0, readers).Select(_ => Task.Factory.StartNew(Read, TaskCreationOptions.LongRunning).Unwrap()).ToArray();

        try
        {
            for (var number = 1; number <= swaps; number++)
                Swap(number);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }

        await Task.WhenAll(reading);

        void Swap(int number)
        {
            bundle.Publish(accepted.Serve("clients", number));
            Serve(pair, $"{number}");
        }

        // No wait is asynchronous, as both are loaded: it stays on its thread.
        async Task Read()
        {
            var server = new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" };
            while (!Volatile.Read(ref isOver))
            {
                var identity = (await Holder.SelectIdentityAsync(serverName: null, server))!;
                AssertOneMoment(identity.Certificate, identity.TrustBundle!);
                var client = ClientSnapshot.Take(Holder, "default", "clients");
                AssertOneMoment(client.Certificate!, client.Bundle!);
            }
        }

        // At each moment, the bundle has the number of the pair, or the next one.
        static void AssertOneMoment(ServingCertificate certificate, TrustBundle bundle) =>
            Assert.InRange(bundle.Generation - int.Parse(certificate.Facts.DnsNames[0], CultureInfo.InvariantCulture), 0, 1);
    }

    private static ServingCertificate Serve(CertificateCell cell, params string[] names) => TestServing.Publish(cell, names);

    [Fact]
    public void Looking_up_allocates_nothing()
    {
        Write(TestPair.Make("a.example", "*.a.example"));
        Start();
        LookUp();

        var before = GC.GetAllocatedBytesForCurrentThread();
        LookUp();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void LookUp()
        {
            for (var i = 0; i < 1000; i++)
            {
                _ = Holder.Current;
                _ = Holder.Select("A.example.");
                _ = Holder.Select("x.a.example");
                _ = Holder.Select("nobody.example");
                _ = Holder.SelectStrict("x.a.example");
                _ = Holder.Get("default");
                Select("A.example.");
                Select("nobody.example");
                Select(null);
            }

            void Select(string? name)
            {
                var selected = Holder.SelectAsync(name);
                Assert.Same(Current, selected.Result);
            }
        }
    }

    [Fact]
    public async Task Those_who_come_before_the_first_load_get_it_all_at_once()
    {
        Task<ServingCertificate>[] waiters = [.. Enumerable.Range(0, 20).Select(_ => Holder.WaitForFirstAsync())];
        Assert.All(waiters, waiter => Assert.False(waiter.IsCompleted));

        Write(TestPair.Make());
        Start();

        Assert.All(await Task.WhenAll(waiters), certificate => Assert.Same(Current, certificate));
        Assert.True(Holder.WaitForFirstAsync().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task The_wait_ends_after_5_s_of_the_holders_clock()
    {
        var time = new FakeTimeProvider();
        var waiter = new CertificateHolder(time).WaitForFirstAsync();

        time.Advance(TimeSpan.FromMilliseconds(4999));
        Assert.False(waiter.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Null((await Assert.ThrowsAsync<CertificateNotLoadedException>(() => waiter.WaitAsync(TimeSpan.FromSeconds(30)))).Failure);
    }

    [Fact]
    public async Task The_wait_can_be_ended_by_its_caller()
    {
        using var caller = new CancellationTokenSource();
        var waiter = Holder.WaitForFirstAsync(cancellationToken: caller.Token);

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiter);
    }

    [Fact]
    public void A_holder_goes_from_one_owner_to_the_next_and_never_to_two()
    {
        var (first, second) = (CreateTestProbe().Ref, CreateTestProbe().Ref);
        Holder.Claim(first, Pairs("a"));
        Holder.Claim(first, Pairs("a"));
        Assert.Throws<CertificateHolderInUseException>(() => Holder.Claim(second, Pairs("a")));

        Holder.Release(second);
        Assert.Throws<CertificateHolderInUseException>(() => Holder.Claim(second, Pairs("a")));

        Holder.Release(first);
        Holder.Claim(second, Pairs("a"));
        Assert.Throws<CertificateHolderInUseException>(() => Holder.Claim(first, Pairs("a")));
    }
}
