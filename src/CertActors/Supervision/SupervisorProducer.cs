using Akka.Actor;

namespace CertActors.Supervision;

/// <summary>Creates the supervisor: Akka creates actors by public constructors only, and the state is internal.</summary>
internal sealed class SupervisorProducer(SupervisorState state) : IIndirectActorProducer
{
    public Type ActorType => typeof(CertificateSupervisor);

    public ActorBase Produce()
    {
        try
        {
            return new CertificateSupervisor(state);
        }
        catch (Exception fault)
        {
            state.Started.TrySetException(fault);
            throw;
        }
    }

    public void Release(ActorBase actor)
    {
    }
}
