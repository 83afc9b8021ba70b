using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;

namespace CertActors.Tests.Support;

internal static class AcceptedPairs
{
    extension(Verdict.Accepted accepted)
    {
        /// <summary>What was loaded, where that is a pair.</summary>
        public LoadedPair Pair => (LoadedPair)accepted.Loaded;
    }
}
