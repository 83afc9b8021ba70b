namespace CertActors.IntegrationTests;

/// <summary>A test that needs Debian's package <c>chromium</c>; skipped on a machine that does not have it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumTheoryAttribute : TheoryAttribute
{
    /// <summary>The browser.</summary>
    internal const string Path = "/usr/bin/chromium";

    /// <summary>Sets the reason to skip if the browser is not installed.</summary>
    public ChromiumTheoryAttribute()
    {
        if (!File.Exists(Path))
            Skip = "chromium is not installed";
    }
}
