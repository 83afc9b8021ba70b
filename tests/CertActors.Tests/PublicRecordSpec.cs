using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>The public records: how they compare, print and travel.</summary>
public sealed class PublicRecordSpec : PipelineKit
{
    [Fact]
    public void Records_with_lists_compare_by_value_and_print_the_elements()
    {
        Assert.Equal(Report("a"), Report("a"));
        Assert.Equal(Report("a").GetHashCode(), Report("a").GetHashCode());
        Assert.NotEqual(Report("a"), Report("b"));
        Assert.Contains("Files = [CertificateFile { Path = a, Size = 1, Mode = 0600 }, ", Report("a").ToString(), StringComparison.Ordinal);

        Assert.Equal(Options() with { RequiredNames = ["a", "b"] }, Options() with { RequiredNames = ["a", "b"] });
        Assert.Contains("RequiredNames = [a, b]", (Options() with { RequiredNames = ["a", "b"] }).ToString(), StringComparison.Ordinal);
        Assert.Equal(Options(), Options());
    }

    [Fact]
    public void A_list_that_was_handed_over_can_be_changed_without_changing_the_record()
    {
        List<string> names = ["a"];
        var options = Options() with { RequiredNames = names };
        names.Add("b");
        Assert.Equal(["a"], options.RequiredNames);
    }

    [Fact]
    public void Messages_are_the_same_after_a_serializer_as_before()
    {
        Write(TestPair.Make("a.example", "b.example"));
        Start();
        using var connection = Current.BeginConnection();
        Rotate(TestPair.Make("a.example", "b.example"));
        AdvancePastDebounce();
        Supervisor.Tell(new ReloadNow(), TestActor);
        Barrier();
        var result = ExpectMsg<ReloadNowResult>();
        var status = StatusOfAll();
        Assert.Equal(["a.example", "b.example"], Assert.Single(status.Certificates).LastChange?.Current.DnsNames);
        Assert.Equal(2, Assert.Single(status.Certificates).Connections.Count);
        connection.Dispose();
        Barrier();

        Assert.All([result, status, .. News()], message =>
        {
            var copy = Copy(message);
            Assert.NotSame(message, copy);
            Assert.Equal(message, copy);
            Assert.Equal(message.ToString(), copy.ToString());
        });
    }

    private object Copy(object message)
    {
        var serializer = Sys.Serialization.FindSerializerFor(message);
        return Sys.Serialization.Deserialize(serializer.ToBinary(message), serializer.Identifier, message.GetType());
    }

    private static CertificateReport Report(string path) => new()
    {
        Reason = RejectionReason.FileEmpty,
        Findings = [new CertificateFinding { Reason = RejectionReason.FileEmpty, Message = "message" }],
        Leaf = null,
        OtherNames = ["URI:spiffe://example.org/server"],
        DaysLeft = 1,
        Chain = [],
        TrustAnchor = "CN=root",
        Key = null,
        Files =
        [
            new CertificateFile { Path = path, Size = 1, Mode = "0600" },
            new CertificateFile { Path = path, Size = null, Mode = null },
        ],
    };
}
