using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>From an event to the certificate that is served.</summary>
public sealed class RotationSpec : PipelineKit
{
    [Fact]
    public void The_first_load_is_served_as_generation_1()
    {
        var pair = Write(TestPair.Make("a.example"));
        Start();

        Assert.Equal(1, Current.Generation);
        Assert.Equal(pair.Sha256, Current.Facts.Sha256);
        var change = Assert.Single(News<CertificateChanged>());
        Assert.Equal((1, null, ReloadReason.Start), (change.Generation, change.Previous, change.Reason));
        Assert.Equal(Current.Facts, change.Current);
    }
}
