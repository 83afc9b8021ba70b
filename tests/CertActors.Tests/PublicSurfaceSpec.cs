extern alias hosting;

using System.Runtime.CompilerServices;
using CertActors.AspNetCore;
using CertActors.TestKit;
using hosting::CertActors.Hosting;
using PublicApiGenerator;

namespace CertActors.Tests;

/// <summary>What users may call changes only where a reviewer sees it: in the approved files beside this one.</summary>
public sealed class PublicSurfaceSpec
{
    [Theory]
    [InlineData(typeof(CertificateHolder))]
    [InlineData(typeof(CertificateHostingExtensions))]
    [InlineData(typeof(CertificateListenOptionsExtensions))]
    [InlineData(typeof(TestCertificates))]
    public void The_public_surface_is_the_approved_one(Type anyOfTheLibrary)
    {
        var library = anyOfTheLibrary.Assembly.GetName().Name;
        var surface = Lines(anyOfTheLibrary.Assembly.GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false }));
        var approved = Lines(File.ReadAllText(Path.Combine(Here(), $"{library}.approved.txt")));

        // To approve a change, put the received file in the place of the approved one.
        if (surface != approved)
            File.WriteAllText(Path.Combine(Here(), $"{library}.received.txt"), surface + "\n");
        Assert.Equal(approved, surface);
    }

    private static string Lines(string text) => text.ReplaceLineEndings("\n").Trim();

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
