//! Work of goals given to agents: real worker and coordinator processes, a real server, agents over real HTTP and as
//! real programs.

mod adapters;
mod budget;
mod flows;
mod held;
mod large;
mod overdue;
mod planning;
mod rig;
mod siblings;
