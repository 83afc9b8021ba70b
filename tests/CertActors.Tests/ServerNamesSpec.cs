using Akka.Actor;
using CertActors.Holding;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Which pair answers to which server name.</summary>
public sealed class ServerNamesSpec : PipelineKit
{
    [Fact]
    public void Names_of_the_options_replace_those_of_the_leaf()
    {
        Write(TestPair.Make("a.example"));
        Write(TestPair.Make("b.example"), "/b/tls.crt", "/b/tls.key");
        Start(Options(), Options("b", "/b/tls.crt", "/b/tls.key") with { ServerNames = ["C.example.", "*.d.example"] });

        AssertSelects("b", "c.example", "x.d.example");
        AssertSelects("default", "a.example", "b.example", "d.example", "x.y.d.example");
    }

    [Fact]
    public void An_internationalized_name_answers_in_both_forms_whichever_the_options_have()
    {
        var cells = Claim(Options(), Options("a-labels") with { ServerNames = ["xn--bcher-kva.example", "*.xn--mnchen-3ya.example"] },
            Options("u-labels") with { ServerNames = ["Käse.example"] });
        foreach (var cell in cells)
            TestServing.Publish(cell);

        AssertSelects("a-labels", "xn--bcher-kva.example", "XN--BCHER-KVA.example", "bücher.example", "BÜCHER.Example.", "www.münchen.example", "www.xn--mnchen-3ya.example");
        AssertSelects("u-labels", "käse.example", "xn--kse-qla.example", "KÄSE.EXAMPLE");
    }

    [Fact]
    public void An_exact_name_comes_before_a_wildcard_and_both_before_the_default()
    {
        var cells = Claim(Options(), Options("wildcard"), Options("exact"));
        TestServing.Publish(cells[0], "default.example");
        TestServing.Publish(cells[1], "*.example.org");
        TestServing.Publish(cells[2], "www.example.org");

        AssertSelects("exact", "www.example.org");
        AssertSelects("wildcard", "w.example.org", "xn--mnchen-3ya.example.org");
        AssertSelects("default", "example.org", "a.www.example.org", ".example.org", "org", "www.example.org..");
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("::1")]
    [InlineData("*.0.0.1")]
    public void No_address_is_a_server_name_even_where_a_leaf_has_it_as_a_DNS_name(string name)
    {
        var cells = Claim(Options(), Options("address"));
        TestServing.Publish(cells[0], "default.example");
        TestServing.Publish(cells[1], name);

        AssertSelects("default", "10.0.0.1", "::1", "10.0.0.1.");
        Assert.Null(Holder.SelectStrict("10.0.0.1"));
    }

    [Theory]
    [InlineData("*w.example.org")]
    [InlineData("*.*.example.org")]
    [InlineData("w.*.example.org")]
    [InlineData("*")]
    public void A_star_is_a_wildcard_only_as_the_whole_first_label(string name)
    {
        var cells = Claim(Options(), Options("star"));
        TestServing.Publish(cells[0], "default.example");
        TestServing.Publish(cells[1], name);

        AssertSelects("default", "w.example.org", "ww.example.org", "w.w.example.org", "org");
    }

    [Fact]
    public void The_default_is_the_pair_that_is_marked()
    {
        Write(TestPair.Make("a.example"));
        Write(TestPair.Make("b.example"), "/b/tls.crt", "/b/tls.key");
        Start(Options(), Options("b", "/b/tls.crt", "/b/tls.key") with { IsDefault = true });

        Assert.Equal("b", Current.Name);
        AssertSelects("b", null, "", "c.example");
        AssertSelects("default", "a.example");
    }

    [Fact]
    public void A_pair_for_clients_alone_is_no_default_and_answers_to_no_name()
    {
        const string clientAuthentication = "1.3.6.1.5.5.7.3.2";

        Write(new TestLeaf { Names = ["client.example"], Purposes = [clientAuthentication] }.Make());
        Write(TestPair.Make("b.example"), "/b/tls.crt", "/b/tls.key");
        Start(
            Options("client") with { Purpose = CertificatePurpose.ClientAuthentication },
            Options("both", "/b/tls.crt", "/b/tls.key") with { Purpose = CertificatePurpose.ClientAuthentication | CertificatePurpose.ServerAuthentication });

        Assert.Equal("both", Current.Name);
        AssertSelects("both", "client.example", "b.example", null);
        Assert.Null(Holder.SelectStrict("client.example"));
        Assert.Equal("client", Holder.Get("client")?.Name);
    }

    [Fact]
    public void A_pair_is_found_by_its_own_name()
    {
        Assert.Null(Holder.Get("default"));
        Write(TestPair.Make());
        Start(Options(), Options("missing", "/missing/tls.crt", "/missing/tls.key"));

        Assert.Same(Current, Holder.Get("default"));
        Assert.All(["missing", "Default", "localhost", "", null], name => Assert.Null(Holder.Get(name)));
        Stop();
        Assert.Same(Current, Holder.Get("default"));

        Start(Options("other", "/missing/tls.crt", "/missing/tls.key"));
        Assert.Null(Holder.Get("default"));
    }

    [Fact]
    public void Strict_selection_gives_no_default()
    {
        Write(TestPair.Make("a.example", "*.b.example"));
        Start();

        Assert.All(["a.example", "A.EXAMPLE.", "x.b.example"], name => Assert.Same(Current, Holder.SelectStrict(name)));
        Assert.All(["c.example", "b.example", "", null, "."], name => Assert.Null(Holder.SelectStrict(name)));
    }

    [Fact]
    public void Each_name_that_two_pairs_have_is_warned_of_once_whatever_is_loaded_again()
    {
        string[] names = ["b.example", "*.example.org", "xn--bcher-kva.example"];
        Write(TestPair.Make("a.example"));
        Write(TestPair.Make(names), "/b/tls.crt", "/b/tls.key");
        Write(TestPair.Make(names), "/c/tls.crt", "/c/tls.key");
        Start(Options(), Options("b", "/b/tls.crt", "/b/tls.key"), Options("c", "/c/tls.crt", "/c/tls.key"));

        Assert.All(names, name => Assert.Single(Logged(), line => IsWarning(line, name, "b", "c")));

        foreach (var next in (string[][])[["x.example"], names])
        {
            Write(TestPair.Make(next), "/b/tls.crt", "/b/tls.key");
            Raise("/b/tls.crt");
            AdvancePastDebounce();
        }

        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        AdvancePastDebounce();
        Assert.All(names, name => Assert.Single(Logged(), line => IsWarning(line, name, "b", "c")));
        Assert.Equal(names.Length, Logged().Count(line => line.Contains("comes earlier in the options", StringComparison.Ordinal)));

        static bool IsWarning(string line, string name, string first, string other) =>
            line.Contains("Warn", StringComparison.OrdinalIgnoreCase)
            && line.Contains($"Certificate {other}: the server name {name} leads to certificate {first} instead", StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_of_the_options_is_warned_of_before_anything_is_loaded()
    {
        Start(Options("a") with { ServerNames = ["x.example"] }, Options("b", "/b/tls.crt", "/b/tls.key") with { ServerNames = ["X.example."] });

        Assert.Single(Logged(), line => line.Contains("Certificate b: the server name x.example leads to certificate a instead", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void A_name_that_goes_to_another_pair_and_that_a_further_pair_has_too_is_reported_again()
    {
        CertificateOptions[] pairs = [.. ((string[])["a", "b", "c"]).Select(name => Options(name, $"/{name}/tls.crt", $"/{name}/tls.key") with { ServerNames = ["x.example", "bücher.example"] })];
        Write(TestPair.Make());
        Start(Options(), pairs[0], pairs[1], pairs[2]);
        string[] before = [.. Conflicts()];
        Assert.Equal(4, before.Length);

        Supervisor.Tell(new RemoveCertificate("a"), TestActor);
        Barrier();

        Assert.Equal(
            ["Certificate c: the server name x.example leads to certificate b", "Certificate c: the server name xn--bcher-kva.example leads to certificate b"],
            Conflicts().Except(before).Select(line => line.Split("] ")[^1].Split(" instead")[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_pair_that_is_renamed_and_shares_a_name_is_reported_with_the_pair_that_shares_it()
    {
        var shared = Options("a") with { ServerNames = ["x.example"] };
        Write(TestPair.Make());
        Start(shared, shared with { Name = "c", CertificatePath = "/c/tls.crt", KeyPath = "/c/tls.key" });

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [shared with { Name = "b" }, shared with { Name = "c", CertificatePath = "/c/tls.crt", KeyPath = "/c/tls.key" }] }), TestActor);
        Barrier();

        Assert.Contains("Certificate c: the server name x.example leads to certificate b instead", Conflicts().Last(), StringComparison.Ordinal);
    }

    [Fact]
    public void While_the_first_pair_with_a_name_is_not_loaded_the_next_answers()
    {
        var cells = Claim(Options(), Options("first") with { ServerNames = ["x.example"] }, Options("second"));
        TestServing.Publish(cells[0], "a.example");
        TestServing.Publish(cells[2], "x.example");
        AssertSelects("second", "x.example");

        TestServing.Publish(cells[1]);
        AssertSelects("first", "x.example");
    }

    [Fact]
    public void A_name_that_the_last_loaded_pair_loses_leads_to_it_no_longer()
    {
        var cells = Claim(Options(), Options("missing") with { ServerNames = ["x.example"] }, Options("other"));
        TestServing.Publish(cells[0], "a.example");
        TestServing.Publish(cells[2], "x.example");
        cells[1].EndFirstLoad();
        AssertSelects("other", "x.example");

        TestServing.Publish(cells[2], "y.example");

        AssertSelects("default", "x.example");
        Assert.Null(Holder.SelectStrict("x.example"));
    }

    private IReadOnlyList<CertificateCell> Claim(params CertificateOptions[] pairs) => Holder.Claim(CreateTestProbe(), pairs);

    private void AssertSelects(string pair, params string?[] names) =>
        Assert.All(names, name =>
        {
            Assert.Equal(pair, Holder.Select(name)?.Name);
            var selected = Holder.SelectAsync(name).AsTask();
            Assert.True(selected.IsCompletedSuccessfully);
            Assert.Equal(pair, selected.Result.Name);
        });

    private IEnumerable<string> Conflicts() => Logged().Where(line => line.Contains("comes earlier in the options", StringComparison.Ordinal));
}
