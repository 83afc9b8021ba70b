namespace CertActors.Hosting;

/// <summary>How a host follows its configuration.</summary>
internal sealed class FollowerOptions
{
    /// <summary>
    /// How long the configuration stays the same until it is applied, if it removes or changes a pair or trust bundle. 0 for a configuration that never
    /// lacks a part of itself. Default 2 s.
    /// </summary>
    public TimeSpan SecondLook { get; set; } = TimeSpan.FromSeconds(2);
}
