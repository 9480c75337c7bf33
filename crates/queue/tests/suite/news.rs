//! News: heard by all, in order, once.

use slipway_domain::BuildId;
use slipway_queue::News;

use crate::ground::{Ground, is_silent, stories, told};

stories!(news_reaches_all_who_listen_in_order, what_is_only_missed_here_is_told_here);

async fn news_reaches_all_who_listen_in_order(ground: &Ground) {
    let build = BuildId::generate();
    let mut ears = [ground.here.listen(), ground.there.listen(), ground.there.listen()];
    ground.here.tell(News::Happened(build));
    ground.here.tell(News::CancelAsked(build));
    for ear in &mut ears {
        assert_eq!(told(ear).await, News::Happened(build));
        assert_eq!(told(ear).await, News::CancelAsked(build));
        assert!(is_silent(ear).await, "once, whoever told it");
    }
    assert!(is_silent(&mut ground.there.listen()).await, "what was told before is not heard");
}

async fn what_is_only_missed_here_is_told_here(ground: &Ground) {
    let mut ear = ground.here.listen();
    ground.here.tell(News::Missed);
    assert_eq!(told(&mut ear).await, News::Missed);
}
