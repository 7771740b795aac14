-- Answers to steps of Promotions that ask, in order.
CREATE TABLE promotion_answer (
	seq       INTEGER NOT NULL PRIMARY KEY,
	repo      INTEGER NOT NULL,
	promotion TEXT    NOT NULL,
	body      TEXT    NOT NULL,
	FOREIGN KEY (repo, promotion) REFERENCES promotion (repo, id)
) STRICT;
CREATE INDEX promotion_answer_promotion ON promotion_answer (repo, promotion);

CREATE TRIGGER promotion_answered AFTER INSERT ON promotion_answer BEGIN
	UPDATE stage SET changed = changed + 1
	WHERE repo = NEW.repo AND name = (SELECT p.stage FROM promotion AS p WHERE p.repo = NEW.repo AND p.id = NEW.promotion);
END;

-- What steps wrote down for the record, once for each step of a Promotion.
CREATE TABLE audit_event (
	seq       INTEGER NOT NULL PRIMARY KEY,
	repo      INTEGER NOT NULL REFERENCES repo (id),
	promotion TEXT    NOT NULL,
	step      TEXT    NOT NULL,
	at        INTEGER NOT NULL,
	body      TEXT    NOT NULL,
	UNIQUE (repo, promotion, step)
) STRICT;
